/** One conversation: who it is with, the messages, and the field to write in. */
import { attempt, copyText, notify, openSite } from "../lib/actions.js";
import { cancel, clear, conversations, retry } from "../lib/conversations.js";
import { chats, markRead, probe, reachWords, toggleFavorite } from "../lib/data.js";
import { ask } from "../lib/dialog.js";
import { ago, nameOf } from "../lib/format.js";
import { Menu } from "../lib/menu.js";
import { html } from "../lib/preact.js";
import { href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, Button, Icon } from "../lib/ui.js";
import { Thread } from "./thread.js";

/** @typedef {import("../lib/types").Person} Person */

/** @param {{ person: Person }} props */
export function Conversation({ person }) {
  const id = person.peer_id;
  const unread = useStore(chats).get(id)?.unread ?? 0;
  const name = nameOf(person);
  /** @type {import("../lib/types").Talk} */
  const talk = {
    id,
    name,
    threads: conversations,
    unread,
    markRead: () => markRead(id),
    several: false,
    authorOf: () => person,
    mentions: null,
    waits: "Waits until they are back",
    retry: (message) => retry(id, message.id),
    cancel: (message) => cancel(id, message.id),
    rights: null,
    typing: () => undefined,
    silent: "",
  };
  const hint = person.online ? "" : `${name} is offline. Messages wait here, and are sent when they are back.`;
  return html`<section class="chat" aria-label=${`Conversation with ${name}`}>
    <${Head} person=${person} />
    <${Thread} talk=${talk} first=${html`<${First} person=${person} />`} hint=${hint} />
  </section>`;
}

/** Nothing was said yet. @param {{ person: Person }} props */
function First({ person }) {
  const text = person.online
    ? "Say hello. Messages go straight to their computer and are kept on both."
    : "Messages go straight to their computer, as soon as both of you are online.";
  return html`<div class="quiet-words"><b>No messages with ${nameOf(person)} yet</b><p>${text}</p></div>`;
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
