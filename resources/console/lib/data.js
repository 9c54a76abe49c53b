/** The peer, its people and its chats: loaded when the stream of events opens, then kept up to date by the events. */
import { asApiError, get, post } from "./api.js";
import { nameOf } from "./format.js";
import { lately, load as loadGroups } from "./groups.js";
import { apply, hold, patch, release } from "./held.js";
import { on } from "./live.js";
import { createStore } from "./store.js";

/** @typedef {import("./types").PeerInfo} PeerInfo */
/** @typedef {import("./types").Person} Person */
/** @typedef {import("./types").Chat} Chat */

/** @type {import("./store.js").Store<PeerInfo | null>} */
export const peer = createStore(/** @type {PeerInfo | null} */ (null));

/** @type {import("./store.js").Store<Map<string, Person>>} */
export const people = createStore(new Map());

/** @type {import("./store.js").Store<Map<string, Chat>>} */
export const chats = createStore(new Map());

/** Whether the lists are here: "waiting", "ready" or the error that kept them away. */
/** @type {import("./store.js").Store<"waiting" | "ready" | import("./api.js").ApiError>} */
export const loading = createStore(/** @type {any} */ ("waiting"));

/** Changes when the own picture does, so that it is asked for again. */
export const avatarVersion = createStore(0);

/** @template {{ peer_id: string }} V @param {V[]} list @returns {Map<string, V>} */
const byId = (list) => new Map(list.map((item) => [item.peer_id, item]));

/** Load everything again. */
export async function reload() {
  if (!hold()) return;
  try {
    const lists = [get("/api/state"), get("/api/people"), get("/api/chats"), loadGroups()];
    const [state, persons, talks, putGroups] = await Promise.all(lists);
    peer.set(state);
    people.set(byId(persons));
    chats.set(byId(talks));
    putGroups();
    loading.set("ready");
  } catch (error) {
    if (loading.get() !== "ready") loading.set(asApiError(error));
  } finally {
    release();
  }
}

/** @param {Partial<PeerInfo>} change */
function changePeer(change) {
  const now = peer.get();
  if (now) peer.set({ ...now, ...change });
}

/**
 * Somebody by peer ID, also if we only know that there were messages.
 * @param {string} peerId
 * @returns {Person}
 */
export function personOf(peerId) {
  const known = people.get().get(peerId);
  if (known) return known;
  return {
    peer_id: peerId,
    name: "",
    email: "",
    avatar_hash: "",
    version: "",
    online: false,
    reachable: false,
    path: "none",
    encrypted: false,
    verified: false,
    favorite: false,
    last_seen: 0,
  };
}

/** How many direct messages nobody has seen yet. */
export const unreadInChats = () => [...chats.get().values()].reduce((sum, chat) => sum + chat.unread, 0);

/** @param {Person} person */
export async function toggleFavorite(person) {
  const path = `/api/people/${encodeURIComponent(person.peer_id)}/favorite`;
  patch(people, person.peer_id, await post(path, { favorite: !person.favorite }));
}

/** Ask how somebody is reached now. @param {string} peerId @returns {Promise<Person>} */
export async function probe(peerId) {
  const person = await post(`/api/people/${encodeURIComponent(peerId)}/probe`);
  patch(people, peerId, person);
  return person;
}

/** Say that the owner has seen what this person wrote. @param {string} peerId */
export async function markRead(peerId) {
  const chat = chats.get().get(peerId);
  if (!chat?.unread) return;
  patch(chats, peerId, { ...chat, unread: 0 });
  try {
    await post(`/api/chat/${encodeURIComponent(peerId)}/read`);
  } catch {
    patch(chats, peerId, { ...(chats.get().get(peerId) ?? chat), unread: chat.unread });
  }
}

/** "● Online · direct · encrypted" in words: [first word, the rest] @param {Person} person */
export function reachWords(person) {
  if (!person.online) return ["Offline"];
  const how = !person.reachable ? "not reachable" : person.path === "relayed" ? "relayed" : "direct";
  return ["Online", how, ...(person.encrypted ? ["encrypted"] : [])];
}

/** Whether a person is meant by what was typed into a search field. @param {Person} person @param {string} typed */
export function matches(person, typed) {
  const words = typed.trim().toLocaleLowerCase().replace(/^goop2:(\/\/)?/, "");
  return [nameOf(person), person.peer_id, person.email].some((text) => text.toLocaleLowerCase().includes(words));
}

on("hello", () => void reload());
on("peer-changed", (change) => apply(() => changePeer({ state: change.state })));
on("reachability-changed", ({ words, addresses }) => apply(() => changePeer({ words, addresses })));
on("visitors-changed", ({ count }) => apply(() => changePeer({ visitors: count })));
on("settings-changed", ({ keys, restart }) => {
  apply(() => changePeer({ restart_needed: [...new Set([...(peer.get()?.restart_needed ?? []), ...restart])] }));
  if (keys.some((/** @type {string} */ key) => key.startsWith("profile.") || key === "viewer.theme")) void reload();
});
on("avatar-changed", () => avatarVersion.set(Date.now()));
on("person-changed", ({ person }) => apply(() => patch(people, person.peer_id, person)));
on("person-gone", ({ peer_id }) => apply(() => patch(people, peer_id, undefined)));
on("chat-changed", ({ message, unread }) =>
  apply(() => {
    const last = chats.get().get(message.peer_id)?.last;
    const newest = last && last.id > message.id ? last : message;
    patch(chats, message.peer_id, { peer_id: message.peer_id, unread, last: newest });
  }),
);
on("chat-removed", ({ peer_id, message_id }) => {
  if (chats.get().get(peer_id)?.last?.id === message_id) void reload(); // the server knows which is the last one now
});
on("room-message-gone", ({ group_id }) => {
  if (lately.get().get(group_id)?.last === null) void reload();
});
on("chat-read", ({ peer_id, cleared }) =>
  apply(() => {
    const chat = chats.get().get(peer_id);
    if (cleared) patch(chats, peer_id, undefined);
    else if (chat) patch(chats, peer_id, { ...chat, unread: 0 });
  }),
);
