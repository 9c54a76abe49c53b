/** The rooms' messages, what can be done with them, and who is writing at the moment. */
import { get, post, query, remove } from "./api.js";
import { on } from "./live.js";
import { createStore } from "./store.js";
import { Threads } from "./threads.js";

/** @typedef {import("./types").RoomMessage} RoomMessage */

/** @param {string} groupId */
const path = (groupId) => `/api/rooms/${encodeURIComponent(groupId)}`;

export const rooms = new Threads({ path, both: true });

const SHOWN = 5000; // ms that somebody counts as writing
const SAID = 3000; // ms between two announcements of ours

/** Who is writing, by group: names by peer ID. */
/** @type {import("./store.js").Store<Map<string, Map<string, string>>>} */
export const writing = createStore(new Map());

/** @type {Map<string, number>} */
const timers = new Map();

/** @param {string} groupId @param {string} peerId @param {string | null} name null: no longer */
function setWriting(groupId, peerId, name) {
  const here = new Map(writing.get().get(groupId));
  if (name === null && !here.delete(peerId)) return;
  if (name !== null) here.set(peerId, name);
  writing.set(new Map(writing.get()).set(groupId, here));
}

/** @param {string} groupId @param {string} peerId */
function stopsWriting(groupId, peerId) {
  clearTimeout(timers.get(`${groupId} ${peerId}`));
  timers.delete(`${groupId} ${peerId}`);
  setWriting(groupId, peerId, null);
}

/** @type {Map<string, number>} */
const announced = new Map();

/** Tell the others that the owner is writing. @param {string} groupId */
export function sayTyping(groupId) {
  if (Date.now() - (announced.get(groupId) ?? 0) < SAID) return;
  announced.set(groupId, Date.now());
  post(`${path(groupId)}/typing`).catch(() => undefined); // a courtesy: whether it arrives changes nothing here
}

/** The change itself comes as an event, as everything that happens to a message does. */
/** @param {string} groupId @param {number} id @param {string} content */
export const edit = (groupId, id, content) => post(`${path(groupId)}/${id}/edit`, { content });

/** Delete for everybody what was delivered; take back what waits or failed. @param {string} groupId @param {number} id */
export const removeMessage = (groupId, id) => remove(`${path(groupId)}/${id}`);

/** @param {string} groupId @param {number} id */
export const retryMessage = (groupId, id) => post(`${path(groupId)}/${id}/retry`);

/** @param {string} groupId @param {string} words @returns {Promise<{ messages: RoomMessage[], more: boolean }>} */
export const searchRoom = (groupId, words) => get(`${path(groupId)}/search?${query({ q: words, limit: 50 })}`);

on("room-message-changed", ({ message }) => {
  rooms.put(message.group_id, message);
  stopsWriting(message.group_id, message.from_id);
});
on("room-message-gone", ({ group_id, message_id }) => rooms.drop(group_id, message_id));
on("group-gone", ({ group_id }) => rooms.forget(group_id));
on("typing", ({ group_id, peer_id, name }) => {
  clearTimeout(timers.get(`${group_id} ${peer_id}`));
  timers.set(`${group_id} ${peer_id}`, setTimeout(() => stopsWriting(group_id, peer_id), SHOWN));
  setWriting(group_id, peer_id, name);
});
on("hello", () => rooms.refresh());
