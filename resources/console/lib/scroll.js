/** Where the reader of a conversation is: at its end, or at a message that must not move under their eyes. */
import { useEffect, useLayoutEffect, useRef, useState } from "./preact.js";

/** @typedef {import("./types").Thread} Thread */

const NEAR = 60; // px from the end that still count as reading the newest message
const FAR = 400; // px from either side at which more is fetched
const FOUND = 2500; // ms that a message which was jumped to stands out

/** @param {HTMLElement} box @param {Element} item how far into the content an element begins */
const offset = (box, item) => item.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;

/** The first message in sight. @param {HTMLElement} box */
function firstInSight(box) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (box.querySelectorAll("[data-message]"));
  const top = box.getBoundingClientRect().top;
  let low = 0;
  let high = all.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {HTMLElement} */ (all[middle]).getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  const item = all[low];
  return item ? { key: item.dataset["message"] ?? "", at: offset(box, item) } : null;
}

/** @param {HTMLElement} box @param {string} key @returns {HTMLElement | null} */
const messageIn = (box, key) => box.querySelector(`[data-message="${CSS.escape(key)}"]`);

/**
 * Keeps the newest message in sight while its reader is at the end, and the place when messages come or go above.
 * `news` counts what came in while the reader was elsewhere, `found` is the message that was jumped to.
 * @param {Thread} thread
 * @param {{ older: () => void, newer: () => void }} more fetches what lies beyond
 */
export function useScroll(thread, more) {
  const { messages, pending, newer, target } = thread;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const place = useRef({ end: true, anchor: /** @type {{ key: string, at: number } | null} */ (null), last: 0 });
  const done = useRef(target); // a target that was there before this page was opened is old news
  const [news, setNews] = useState(0);
  const [found, setFound] = useState(0);

  const hold = (/** @type {HTMLElement} */ here) => {
    const { end, anchor } = place.current;
    const item = anchor && messageIn(here, anchor.key);
    if (end) here.scrollTop = here.scrollHeight;
    else if (item) here.scrollTop += offset(here, item) - anchor.at;
    place.current.anchor = firstInSight(here);
  };
  const toEnd = () => {
    place.current.end = true;
    setNews(0);
    if (box.current) hold(box.current);
  };
  useLayoutEffect(() => {
    const here = box.current;
    if (!here) return;
    const was = place.current;
    const opening = was.last === 0 && messages.length > 0;
    const fresh = messages.filter(({ id, delivery }) => id > was.last && delivery === "received").length;
    was.last = Math.max(was.last, messages.at(-1)?.id ?? 0);
    if (opening) was.end = !intoView(here, here.querySelector(".unread-line"));
    else if (!was.end && !newer && fresh) setNews((count) => count + fresh);
    if (target && target !== done.current) {
      done.current = target;
      was.end = false;
      messageIn(here, `m${target.id}`)?.scrollIntoView({ block: "center" });
      setFound(target.id);
      was.anchor = firstInSight(here);
    } else {
      if (newer) was.end = false;
      hold(here);
    }
  }, [messages, pending, newer, target]);
  useEffect(() => {
    if (!found) return undefined;
    const timer = setTimeout(() => setFound(0), FOUND);
    return () => clearTimeout(timer);
  }, [found, target]);
  useEffect(() => {
    const here = box.current;
    if (!here) return undefined;
    const watch = new ResizeObserver(() => hold(here));
    watch.observe(here);
    if (here.firstElementChild) watch.observe(here.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const look = () => {
    const here = box.current;
    if (!here) return;
    if (here.scrollTop < FAR) more.older();
    if (here.scrollHeight - here.scrollTop - here.clientHeight < FAR) more.newer();
  };
  useEffect(look, [messages.length, messages[0]?.id]);
  const onScroll = () => {
    const here = box.current;
    if (!here) return;
    place.current.end = !newer && here.scrollHeight - here.scrollTop - here.clientHeight < NEAR;
    place.current.anchor = firstInSight(here);
    if (place.current.end) setNews(0);
    look();
  };
  return { box, news, found, toEnd, onScroll };
}

/** Begin at the unread messages if they do not fit; whether it was needed. @param {HTMLElement} box @param {Element | null} line */
function intoView(box, line) {
  if (!line || box.scrollHeight - offset(box, line) <= box.clientHeight) return false;
  box.scrollTop = offset(box, line) - 8;
  return true;
}
