/** One conversation: who it is with, the messages, and the field to write in. */
import { attempt, copyText, notify, openSite } from "../lib/actions.js";
import { clear, conversation, conversations, loadNewest, loadOlder } from "../lib/conversations.js";
import { chats, markRead, probe, reachWords, toggleFavorite } from "../lib/data.js";
import { ask } from "../lib/dialog.js";
import { ago, nameOf } from "../lib/format.js";
import { Menu } from "../lib/menu.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, Button, Icon, Loading } from "../lib/ui.js";
import { Composer } from "./composer.js";
import { Messages } from "./messages.js";

/** @typedef {import("../lib/types").Person} Person */

const NEAR = 60; // px from the end that still count as reading the newest message
const FAR = 400; // px from the start at which older messages are fetched

/** @param {{ person: Person }} props */
export function Conversation({ person }) {
  const id = person.peer_id;
  useStore(conversations);
  const { messages, pending, more, loaded, loading, error } = conversation(id);
  useEffect(() => {
    if (!conversation(id).loaded) void loadNewest(id);
  }, [id]);
  useReading(id);

  const view = useEnd(messages, pending.length);
  const older = () => {
    if (view.box.current && view.box.current.scrollTop < FAR && more && !loading && !error) void loadOlder(id);
  };
  useEffect(older, [messages.length]);
  const name = nameOf(person);
  return html`<section class="chat" aria-label=${`Conversation with ${name}`}>
    <${Head} person=${person} />
    <div class="scroll" ref=${view.box} tabindex="0" role="log" aria-label="Messages" onScroll=${() => (view.onScroll(), older())}>
      <div class="log">
        ${error && html`<div class="older" role="alert"><${Icon} name="circle-alert" small /> ${error.title}
          <${Button} kind="link" words="Load again" onClick=${() => (loaded ? loadOlder(id) : loadNewest(id))} /></div>`}
        ${loading && html`<${Loading} what=${loaded ? "older messages" : "the messages"} />`}
        ${loaded && messages.length + pending.length === 0 && html`<${First} person=${person} />`}
        <${Messages} person=${person} messages=${messages} pending=${pending} />
      </div>
    </div>
    ${view.news > 0 && html`<div class="news"><${Button} icon="arrow-down" onClick=${view.toEnd}
      words=${view.news === 1 ? "1 new message" : `${view.news} new messages`} /></div>`}
    <${Composer} person=${person} onSent=${view.toEnd} />
  </section>`;
}

/** Nothing was said yet. @param {{ person: Person }} props */
function First({ person }) {
  const text = person.online
    ? "Say hello. Messages go straight to their computer and are kept on both."
    : "Messages go straight to their computer, so they arrive only while both of you are online.";
  return html`<div class="quiet-words"><b>No messages with ${nameOf(person)} yet</b><p>${text}</p></div>`;
}

/** Marks the conversation as read while somebody looks at it. @param {string} id */
function useReading(id) {
  const unread = useStore(chats).get(id)?.unread ?? 0;
  useEffect(() => {
    const look = () => {
      if (unread && document.hasFocus() && document.visibilityState === "visible") void markRead(id);
    };
    look();
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [id, unread]);
}

/**
 * Keeps the newest message in sight while its reader is at the end, and the place when older ones are put above.
 * `news` counts what came in while the reader was elsewhere.
 * @param {import("../lib/types").ChatMessage[]} messages
 * @param {number} pending
 */
function useEnd(messages, pending) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const place = useRef({ end: true, height: 0, first: 0, last: 0 });
  const [news, setNews] = useState(0);
  const toEnd = () => {
    place.current.end = true;
    setNews(0);
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    const here = box.current;
    if (!here) return;
    const was = place.current;
    const first = messages[0]?.id ?? 0;
    const last = messages.at(-1)?.id ?? 0;
    if (was.end) here.scrollTop = here.scrollHeight;
    else if (first < was.first) here.scrollTop += here.scrollHeight - was.height;
    const fresh = messages.filter(({ id, delivery }) => id > was.last && delivery === "received").length;
    if (!was.end && was.last && fresh) setNews((count) => count + fresh);
    Object.assign(was, { height: here.scrollHeight, first, last });
  }, [messages, pending]);
  useEffect(() => {
    const here = box.current;
    if (!here) return undefined;
    const watch = new ResizeObserver(() => {
      if (place.current.end) here.scrollTop = here.scrollHeight;
      place.current.height = here.scrollHeight;
    });
    watch.observe(here);
    if (here.firstElementChild) watch.observe(here.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const here = box.current;
    if (!here) return;
    place.current.end = here.scrollHeight - here.scrollTop - here.clientHeight < NEAR;
    if (place.current.end) setNews(0);
  };
  return { box, news, toEnd, onScroll };
}

/** @param {{ person: Person }} props */
function Head({ person }) {
  const name = nameOf(person);
  const [first, ...rest] = reachWords(person);
  const seen = !person.online && person.last_seen ? [`seen ${ago(person.last_seen)}`] : [];
  const colour = person.online ? (person.reachable ? "ok" : "attention") : "";
  const star = person.favorite ? "Remove from favourites" : "Add to favourites";
  const items = [
    { words: "Copy address", icon: "copy", act: () => void attempt(() => copyText(`goop2:${person.peer_id}`)) },
    { words: "Check the connection", icon: "radio-tower", act: () => void attempt(() => check(person)) },
    { words: "Clear conversation…", icon: "trash-2", danger: true, act: () => askClear(person) },
  ];
  return html`<header class="head">
    <a class="button quiet only-icon back" href=${href("people")} aria-label="Back to the list"><${Icon} name="arrow-left" /></a>
    <${Avatar} person=${person} />
    <div class="lines"><h1 title=${name}>${name}</h1>
      <p class="reach" role="status"><span class=${colour}>${first}</span>${[...rest, ...seen].map((word) => ` · ${word}`)}</p></div>
    <div class="tools">
      <span class=${person.favorite ? "star on" : "star"}><${Button} kind="quiet" icon="star" label=${star}
        pressed=${person.favorite} onClick=${() => attempt(() => toggleFavorite(person))} /></span>
      <${Button} icon="globe" words="Visit" onClick=${() => attempt(() => openSite(person.peer_id))} />
      <${Menu} label=${`More about ${name}`} items=${items} />
    </div>
  </header>`;
}

/** @param {Person} person */
async function check(person) {
  const now = await probe(person.peer_id);
  const name = nameOf(now);
  if (now.reachable) notify({ kind: "ok", text: `${name} answers: ${reachWords(now).slice(1).join(", ")}.` });
  else notify({ kind: "error", text: `${name} does not answer. Their computer may be off, or not reachable from here.` });
}

/** @param {Person} person */
function askClear(person) {
  ask({
    title: `Clear the conversation with ${nameOf(person)}?`,
    text: "All its messages are deleted from this computer. They keep their copy. This cannot be undone.",
    verb: "Clear conversation",
    danger: true,
    act: () => clear(person.peer_id),
  });
}
