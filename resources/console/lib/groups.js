/** The groups, the invitations and how far each room was read: loaded with everything else, kept up to date by events. */
import { asApiError, get, post, remove } from "./api.js";
import { apply, patch } from "./held.js";
import { on } from "./live.js";
import { createStore } from "./store.js";

/** @typedef {import("./types").Group} Group */
/** @typedef {import("./types").Invitation} Invitation */
/** @typedef {import("./types").Room} Room */

/** @type {import("./store.js").Store<Map<string, Group>>} */
export const groups = createStore(new Map());

/** @type {import("./store.js").Store<Map<string, Invitation>>} */
export const invitations = createStore(new Map());

/** Unread number and last message of each room. */
/** @type {import("./store.js").Store<Map<string, Room>>} */
export const lately = createStore(new Map());

/** Whether this peer has groups at all: "absent" is a peer without them, else the error that kept them away. */
/** @type {import("./store.js").Store<"ready" | "absent" | import("./api.js").ApiError>} */
export const state = createStore(/** @type {any} */ ("absent"));

/** Load them; gives what puts them in place, so that all lists change together. @returns {Promise<() => void>} */
export async function load() {
  try {
    const [all, rooms] = await Promise.all([get("/api/groups"), get("/api/rooms")]);
    return () => {
      groups.set(new Map(all.groups.map((/** @type {Group} */ group) => [group.id, group])));
      invitations.set(new Map(all.invitations.map((/** @type {Invitation} */ item) => [item.group_id, item])));
      lately.set(new Map(rooms.map((/** @type {Room} */ room) => [room.group_id, room])));
      state.set("ready");
    };
  } catch (thrown) {
    const error = asApiError(thrown);
    return () => {
      if (state.get() !== "ready" || error.status === 404) state.set(error.status === 404 ? "absent" : error);
    };
  }
}

/** Groups without a host any more are there to be read, no more. @param {Group} group */
export const ended = (group) => group.state === "closed" || group.state === "removed";

export const unreadInRooms = () => [...lately.get().values()].reduce((sum, room) => sum + room.unread, 0);

/** @param {string} groupId */
const path = (groupId) => `/api/groups/${encodeURIComponent(groupId)}`;

/** What an event said of the group may be newer than the answer, which therefore only counts for a new group. */
/** @param {Promise<Group>} asked */
async function changed(asked) {
  const group = await asked;
  if (!groups.get().has(group.id)) patch(groups, group.id, group);
  return group;
}

/** @param {string} name @param {number} most @returns {Promise<Group>} */
export const create = (name, most) => changed(post("/api/groups", { name, type: "chat", max_members: most }));

/** @param {string} groupId @param {{ name: string, max_members: number }} values */
export const change = (groupId, values) => changed(post(path(groupId), values));

/** @param {string} groupId @param {string[]} peerIds @returns {Promise<{ invited: { peer_id: string, state: string }[] }>} */
export const invite = (groupId, peerIds) => post(`${path(groupId)}/invite`, { peer_ids: peerIds });

/** @param {string} groupId @param {string} peerId */
export const uninvite = (groupId, peerId) => post(`${path(groupId)}/uninvite`, { peer_id: peerId });

/** @param {string} groupId @param {string} peerId */
export const kick = (groupId, peerId) => changed(post(`${path(groupId)}/kick`, { peer_id: peerId }));

/** @param {string} groupId @param {string} peerId @param {string} role */
export const setRole = (groupId, peerId, role) => changed(post(`${path(groupId)}/role`, { peer_id: peerId, role }));

/** @param {string} groupId */
export const leave = (groupId) => post(`${path(groupId)}/leave`);

/** Close the own group for everybody, or take a joined one off the list. @param {string} groupId */
export const removeGroup = (groupId) => remove(path(groupId));

/** @param {string} groupId */
export const joinAgain = (groupId) => changed(post(`${path(groupId)}/retry`));

/** @param {string} groupId */
export async function accept(groupId) {
  await changed(post(`/api/invitations/${encodeURIComponent(groupId)}/accept`));
  patch(invitations, groupId, undefined);
}

/** @param {string} groupId */
export async function decline(groupId) {
  await post(`/api/invitations/${encodeURIComponent(groupId)}/decline`);
  patch(invitations, groupId, undefined);
}

/** Say that the owner has seen what was written here. @param {string} groupId */
export async function markRoomRead(groupId) {
  const room = lately.get().get(groupId);
  if (!room?.unread) return;
  patch(lately, groupId, { ...room, unread: 0 });
  try {
    await post(`/api/rooms/${encodeURIComponent(groupId)}/read`);
  } catch {
    patch(lately, groupId, { ...(lately.get().get(groupId) ?? room), unread: room.unread });
  }
}

/** @param {string} groupId */
const room = (groupId) => lately.get().get(groupId) ?? { group_id: groupId, unread: 0, last: null };

on("group-changed", ({ group }) => apply(() => patch(groups, group.id, group)));
on("group-gone", ({ group_id }) =>
  apply(() => {
    patch(groups, group_id, undefined);
    patch(lately, group_id, undefined);
  }),
);
on("invitation-changed", ({ invitation }) => apply(() => patch(invitations, invitation.group_id, invitation)));
on("invitation-gone", ({ group_id }) => apply(() => patch(invitations, group_id, undefined)));
on("room-message-changed", ({ message, unread }) =>
  apply(() => {
    const { last } = room(message.group_id);
    patch(lately, message.group_id, {
      group_id: message.group_id,
      unread,
      last: last && last.id > message.id ? last : message,
    });
  }),
);
on("room-message-gone", ({ group_id, message_id, unread }) =>
  apply(() => {
    const { last } = room(group_id);
    patch(lately, group_id, { group_id, unread, last: last?.id === message_id ? null : last });
  }),
);
on("room-read", ({ group_id }) => apply(() => patch(lately, group_id, { ...room(group_id), unread: 0 })));
