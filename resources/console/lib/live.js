/** The peer's events as they happen, over one stream that comes back by itself. */
import { createStore } from "./store.js";

const EVENTS = [
  "peer-changed",
  "reachability-changed",
  "visitors-changed",
  "person-changed",
  "person-gone",
  "chat-changed",
  "chat-read",
  "chat-removed",
  "group-changed",
  "group-gone",
  "invitation-changed",
  "invitation-gone",
  "room-message-changed",
  "room-message-gone",
  "room-read",
  "typing",
  "settings-changed",
  "avatar-changed",
  "site-changed",
  "log-written",
];
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

/** @typedef {"connecting" | "live" | "lost" | "signed-out"} Connection */

/** @type {import("./store.js").Store<Connection>} */
export const connection = createStore(/** @type {Connection} */ ("connecting"));

const ASLEEP_AFTER = 5000; // ms out of sight

/** @type {Map<string, Set<(data: any) => void>>} */
const listeners = new Map();
/** @type {EventSource | null} */
let source = null;
/** @type {number | undefined} */
let timer;
let wait = FIRST_WAIT;
/** @type {number | undefined} */
let sleep;

/**
 * Hear of one kind of event ("hello" each time the stream is open again); gives the way to stop.
 * @param {string} name
 * @param {(data: any) => void} listener
 */
export function on(name, listener) {
  const all = listeners.get(name) ?? new Set();
  listeners.set(name, all.add(listener));
  return () => {
    all.delete(listener);
  };
}

/** @param {string} name @param {string} text */
function tell(name, text) {
  let data;
  try {
    data = JSON.parse(text || "null");
  } catch {
    return; // cut off by a closing stream; the next hello reloads everything
  }
  for (const listener of [...(listeners.get(name) ?? [])]) listener(data);
}

async function lost() {
  source?.close();
  source = null;
  let status;
  try {
    status = (await fetch("/api/state", { signal: AbortSignal.timeout(5000) })).status;
  } catch {
    status = 0;
  }
  connection.set(status === 401 || status === 403 ? "signed-out" : "lost");
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

/** Open the stream; also what "Try again" does. */
export function connect() {
  clearTimeout(timer);
  source?.close();
  const stream = new EventSource("/api/events");
  source = stream;
  stream.addEventListener("hello", (event) => {
    wait = FIRST_WAIT;
    connection.set("live");
    tell("hello", event.data);
  });
  for (const name of EVENTS) stream.addEventListener(name, (event) => tell(name, event.data));
  stream.onerror = () => {
    if (source === stream) void lost();
  };
}

/**
 * Let the stream go while nobody sees the page. A browser has six connections to an origin, and the desktop keeps
 * several pages of one peer; the next hello brings everything up to date.
 */
export function sleepWhileHidden() {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleep);
    if (document.visibilityState === "hidden") {
      sleep = setTimeout(() => {
        clearTimeout(timer);
        source?.close();
        source = null;
      }, ASLEEP_AFTER);
    } else if (!source) {
      connect();
    }
  });
}
