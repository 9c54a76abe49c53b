/** What several pages do alike: open a site, copy, tell what went wrong. */
import { asApiError, post } from "./api.js";
import { embedded } from "./router.js";
import { createStore } from "./store.js";

/** @typedef {{ id: number, kind: "error" | "ok", text: string, link?: string, words?: string }} Notice */

const OK_SECONDS = 4;

/** @type {import("./store.js").Store<Notice[]>} */
export const notices = createStore(/** @type {Notice[]} */ ([]));
let count = 0;

/** @param {number} id */
export const dismiss = (id) => notices.set(notices.get().filter((notice) => notice.id !== id));

/** Show a line above the page; good news goes by itself. @param {Omit<Notice, "id">} notice */
export function notify(notice) {
  const id = ++count;
  const others = notices.get().filter((other) => other.text !== notice.text);
  notices.set([...others.slice(-2), { ...notice, id }]);
  if (notice.kind === "ok" && !notice.link) setTimeout(() => dismiss(id), OK_SECONDS * 1000);
}

/** Do something; if it fails, say so. @param {() => Promise<unknown>} act @returns {Promise<boolean>} whether it worked */
export async function attempt(act) {
  try {
    await act();
    return true;
  } catch (error) {
    notify({ kind: "error", text: asApiError(error).text });
    return false;
  }
}

/**
 * Open a site with this peer's identity, in a tab of the desktop, or of the browser. The site never gets a handle
 * on this window.
 * @param {string} address a peer ID, a link or a name
 */
export async function openSite(address) {
  const { url } = await post("/api/open", { address });
  if (embedded) {
    window.open(url, "_blank", "noopener"); // the desktop turns this into one of its site tabs
    return;
  }
  const tab = window.open("about:blank", "_blank");
  if (tab) {
    tab.opener = null;
    tab.location.replace(url);
  } else {
    notify({ kind: "ok", text: "The browser kept the site's tab from opening.", link: url, words: "Open it" });
  }
}

/** Put text on the clipboard. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea"); // where the clipboard's own interface is not allowed
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser does not allow copying.");
  }
}
