/** Which page is shown: `#/people/<peer id>`, with `?embedded=1` inside the desktop's own frame. */
import { createStore } from "./store.js";

/** @typedef {import("./types").Route} Route */

const PAGES = ["site", "people", "groups", "files", "log", "settings", "help"];

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a half-typed escape is still a name
  }
}

/** @returns {Route} */
function read() {
  const path = location.hash.replace(/^#\/?/, "").split("?", 1)[0] ?? "";
  const [page = "", ...rest] = path.split("/").filter(Boolean).map(decoded);
  return PAGES.includes(page) ? { page, rest } : { page: "people", rest: [] };
}

/** Inside the desktop the frame has its own header and tabs, and so a page shows neither. */
export const embedded = /[?&]embedded=1\b/.test(location.search) || /[?&]embedded=1\b/.test(location.hash);

export const route = createStore(read());

addEventListener("hashchange", () => route.set(read()));

/**
 * The address of a page of the console.
 * @param {string} page
 * @param {string[]} rest
 */
export function href(page, ...rest) {
  const path = [page, ...rest].map(encodeURIComponent).join("/");
  return `#/${path}${embedded ? "?embedded=1" : ""}`;
}

/**
 * Show a page; `replace` leaves no trace in the history.
 * @param {string} address from `href`
 */
export function go(address, replace = false) {
  if (replace) {
    history.replaceState(null, "", address);
    route.set(read());
  } else {
    location.hash = address;
  }
}
