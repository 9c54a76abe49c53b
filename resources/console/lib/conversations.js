/** Direct conversations: each with one person. */
import { post, remove } from "./api.js";
import { on } from "./live.js";
import { Threads } from "./threads.js";

/** @param {string} peerId */
const path = (peerId) => `/api/chat/${encodeURIComponent(peerId)}`;

export const conversations = new Threads({ path, both: false });

/** Send again what the other side did not get. @param {string} peerId @param {number} id */
export const retry = (peerId, id) => post(`${path(peerId)}/retry`, { message_id: id }); // the event tells what becomes of it

/** Take back a message that waits, or remove one that failed. @param {string} peerId @param {number} id */
export const cancel = (peerId, id) => remove(`${path(peerId)}/messages/${id}`);

/** Forget all messages with this person. @param {string} peerId */
export async function clear(peerId) {
  await remove(path(peerId));
  conversations.empty(peerId);
}

on("chat-changed", ({ message }) => conversations.put(message.peer_id, message)); // also while the first page is on its way
on("chat-removed", ({ peer_id, message_id }) => conversations.drop(peer_id, message_id));
on("chat-read", ({ peer_id, cleared }) => cleared && conversations.empty(peer_id));
on("hello", () => conversations.refresh());
