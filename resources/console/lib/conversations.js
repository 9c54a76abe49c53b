/** The messages of each conversation that was opened, those on their way, and the drafts. */
import { asApiError, get, post, query, remove } from "./api.js";
import { peer } from "./data.js";
import { on } from "./live.js";
import { createStore } from "./store.js";

/** @typedef {import("./types").ChatMessage} ChatMessage */
/** @typedef {import("./types").Conversation} Conversation */
/** @typedef {import("./types").Pending} Pending */

const PAGE = 50;

/** @type {Conversation} */
const NOTHING = { messages: [], pending: [], more: false, loaded: false, loading: false, error: null };

/** @type {import("./store.js").Store<Map<string, Conversation>>} */
export const conversations = createStore(new Map());

/** @param {string} peerId */
export const conversation = (peerId) => conversations.get().get(peerId) ?? NOTHING;

/** @param {string} peerId @param {Partial<Conversation>} change */
function update(peerId, change) {
  conversations.set(new Map(conversations.get()).set(peerId, { ...conversation(peerId), ...change }));
}

/** @param {string} peerId */
const path = (peerId) => `/api/chat/${encodeURIComponent(peerId)}`;

/**
 * Both lists as one, by id; where both have a message, that of `newer` counts.
 * @param {ChatMessage[]} older
 * @param {ChatMessage[]} newer
 */
function merge(older, newer) {
  const all = new Map(older.map((message) => [message.id, message]));
  for (const message of newer) all.set(message.id, message);
  return [...all.values()].sort((a, b) => a.id - b.id);
}

/**
 * Load the newest messages; what is known already stays if the two meet.
 * @param {string} peerId
 */
export async function loadNewest(peerId) {
  if (conversation(peerId).loading) return;
  update(peerId, { loading: true, error: null });
  try {
    const page = await get(`${path(peerId)}?${query({ before: 0, limit: PAGE })}`);
    const now = conversation(peerId);
    const ids = new Set(page.messages.map((/** @type {ChatMessage} */ message) => message.id));
    const meet = now.messages.some((message) => ids.has(message.id));
    const newest = page.messages.at(-1)?.id ?? 0;
    const known = meet ? now.messages : now.messages.filter((message) => message.id > newest);
    const more = meet && now.loaded ? now.more : page.more;
    update(peerId, { messages: merge(page.messages, known), more, loaded: true, loading: false });
  } catch (error) {
    update(peerId, { loading: false, error: asApiError(error) });
  }
}

/**
 * Load the messages before the oldest known one.
 * @param {string} peerId
 */
export async function loadOlder(peerId) {
  const now = conversation(peerId);
  const oldest = now.messages[0];
  if (now.loading || !now.more || !oldest) return;
  update(peerId, { loading: true, error: null });
  try {
    const page = await get(`${path(peerId)}?${query({ before: oldest.id, limit: PAGE })}`);
    const messages = merge(page.messages, conversation(peerId).messages);
    update(peerId, { messages, more: page.more, loading: false });
  } catch (error) {
    update(peerId, { loading: false, error: asApiError(error) });
  }
}

/** @param {string} peerId @param {string} clientId @param {Partial<Pending> | null} change null: it has arrived */
function changePending(peerId, clientId, change) {
  const pending = conversation(peerId).pending.flatMap((item) => {
    if (item.client_id !== clientId) return [item];
    return change ? [{ ...item, ...change }] : [];
  });
  update(peerId, { pending });
}

/** @param {string} peerId @param {Pending} item */
async function submit(peerId, item) {
  try {
    const message = await post(path(peerId), { content: item.content, client_id: item.client_id });
    const known = conversation(peerId).messages;
    // an event that overtook this answer knows better what became of the message
    if (!known.some(({ id }) => id === message.id)) update(peerId, { messages: merge(known, [message]) });
    changePending(peerId, item.client_id, null);
  } catch (error) {
    changePending(peerId, item.client_id, { error: asApiError(error).text });
  }
}

/** @param {string} peerId @param {string} content */
export async function send(peerId, content) {
  const now = conversation(peerId);
  const after = now.messages.at(-1)?.id ?? 0;
  const item = { client_id: crypto.randomUUID(), content, timestamp: Date.now(), after, error: "" };
  update(peerId, { pending: [...now.pending, item] });
  await submit(peerId, item);
}

/** Hand a message to the server that it did not get; the same client id, so that it cannot go out twice. */
/** @param {string} peerId @param {Pending} item */
export async function submitAgain(peerId, item) {
  changePending(peerId, item.client_id, { error: "" });
  await submit(peerId, item);
}

/** Send again what the other side did not get. @param {string} peerId @param {number} id */
export async function retry(peerId, id) {
  const message = await post(`${path(peerId)}/retry`, { message_id: id });
  update(peerId, { messages: merge(conversation(peerId).messages, [message]) });
}

/** Forget all messages with this person. @param {string} peerId */
export async function clear(peerId) {
  await remove(path(peerId));
  update(peerId, { messages: [], pending: [], more: false, loaded: true });
}

/** @param {string} peerId */
const draftKey = (peerId) => `draft:${peer.get()?.peer_id ?? ""}:${peerId}`;

/** What was typed to this person but not sent. @param {string} peerId */
export function draft(peerId) {
  try {
    return localStorage.getItem(draftKey(peerId)) ?? "";
  } catch {
    return ""; // storage is off: the field keeps it while it is shown
  }
}

/** @param {string} peerId @param {string} text */
export function keepDraft(peerId, text) {
  try {
    if (text) localStorage.setItem(draftKey(peerId), text);
    else localStorage.removeItem(draftKey(peerId));
  } catch {
    // storage is off or full: a draft is worth no error
  }
}

on("chat-changed", ({ message }) => {
  const now = conversations.get().get(message.peer_id);
  if (now) update(message.peer_id, { messages: merge(now.messages, [message]) }); // also while the first page is on its way
});
on("chat-read", ({ peer_id, cleared }) => {
  if (cleared && conversations.get().has(peer_id)) update(peer_id, { messages: [], more: false });
});
on("hello", () => {
  for (const peerId of conversations.get().keys()) void loadNewest(peerId);
});
