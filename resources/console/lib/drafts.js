/** What was typed but not sent, for each person and each room. */
import { peer } from "./data.js";

/** @param {string} id */
const keyOf = (id) => `draft:${peer.get()?.peer_id ?? ""}:${id}`;

/** @param {string} id a peer or a group */
export function draft(id) {
  try {
    return localStorage.getItem(keyOf(id)) ?? "";
  } catch {
    return ""; // storage is off: the field keeps it while it is shown
  }
}

/** @param {string} id @param {string} text */
export function keepDraft(id, text) {
  try {
    if (text) localStorage.setItem(keyOf(id), text);
    else localStorage.removeItem(keyOf(id));
  } catch {
    // storage is off or full: a draft is worth no error
  }
}
