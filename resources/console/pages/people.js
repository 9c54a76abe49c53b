/** Everyone this peer has seen: the list at the left, the chosen person's conversation at the right. */
import { chats, matches, peer, people, personOf } from "../lib/data.js";
import { ago, brief, exactly, nameOf } from "../lib/format.js";
import { useLast } from "../lib/last.js";
import { html, useState } from "../lib/preact.js";
import { go, href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, CopyButton, Count, Empty, Icon, Search, walkRows } from "../lib/ui.js";
import { Conversation } from "./conversation.js";

/** @typedef {import("../lib/types").Person} Person */
/** @typedef {import("../lib/types").Chat} Chat */

/** Latest conversation first, then by name. @param {Person[]} persons @param {Map<string, Chat>} talks */
function sorted(persons, talks) {
  const last = (/** @type {Person} */ person) => talks.get(person.peer_id)?.last?.timestamp ?? 0;
  return persons.sort((a, b) => last(b) - last(a) || nameOf(a).localeCompare(nameOf(b)));
}

/** The three parts of the list, without the empty ones. @param {Person[]} persons @param {Map<string, Chat>} talks */
function parts(persons, talks) {
  const favourites = persons.filter((person) => person.favorite);
  const others = persons.filter((person) => !person.favorite);
  return [
    { title: "Favourites", list: sorted(favourites, talks) },
    { title: "Online", list: sorted(others.filter((person) => person.online), talks) },
    { title: "Offline", list: sorted(others.filter((person) => !person.online), talks) },
  ].filter(({ list }) => list.length > 0);
}

/** @param {Person} person @param {Chat | undefined} chat */
function preview(person, chat) {
  if (chat?.last) {
    const own = chat.last.delivery !== "received";
    return `${own ? "You: " : ""}${chat.last.content.replace(/\s+/g, " ").slice(0, 200)}`;
  }
  if (!person.online) return person.last_seen ? `Seen ${ago(person.last_seen)}` : "Not seen yet";
  return "No messages yet";
}

/** What became of the last message, if it has not arrived. @param {{ delivery: string | undefined }} props */
export function Became({ delivery }) {
  if (delivery === "failed") return html`<${Icon} name="circle-alert" label="Not delivered" small />`;
  return delivery === "waiting" ? html`<span class="later"><${Icon} name="clock" label="Waits" small /></span>` : null;
}

/** @param {{ person: Person, chat: Chat | undefined, chosen: boolean, reachable: boolean }} props */
function Row({ person, chat, chosen, reachable }) {
  const unread = chat?.unread ?? 0;
  const name = nameOf(person);
  const state = person.online ? (person.reachable ? "online" : "online, not reachable") : "offline";
  return html`<li><a class=${unread ? "person unread" : "person"} href=${href("people", person.peer_id)}
      aria-current=${chosen ? "true" : null} tabindex=${reachable ? 0 : -1} data-peer=${person.peer_id}>
    <${Avatar} person=${person} sign />
    <span class="lines">
      <span class="first"><b title=${name}>${name}<span class="unseen">, ${state}</span></b>
        ${chat?.last && html`<time title=${exactly(chat.last.timestamp)}>${brief(chat.last.timestamp)}</time>`}</span>
      <span class="second"><${Became} delivery=${chat?.last?.delivery} />
        <span class="preview">${preview(person, chat)}</span>
        <${Count} number=${unread} /></span>
    </span>
  </a></li>`;
}

/** @param {{ rest: string[] }} props */
export function People({ rest: [chosen = ""] }) {
  const known = useStore(people);
  const talks = useStore(chats);
  const [typed, setTyped] = useState("");
  useLast("people", chosen);

  const ids = new Set([...known.keys(), ...talks.keys(), ...(chosen ? [chosen] : [])]);
  const own = peer.get()?.peer_id;
  const everyone = [...ids].filter((id) => id !== own).map(personOf);
  if (everyone.length === 0) return html`<${Nobody} />`;

  const groups = parts(everyone.filter((person) => !typed.trim() || matches(person, typed)), talks);
  const shown = groups.flatMap(({ list }) => list);
  const stop = shown.some(({ peer_id }) => peer_id === chosen) ? chosen : shown[0]?.peer_id;
  const first = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && typed.trim() && shown[0]) go(href("people", shown[0].peer_id));
  };
  return html`<div class=${chosen ? "people chosen" : "people"}>
    <div class="list" onKeyDown=${walkRows}>
      <${Search} value=${typed} label="Search people" onInput=${setTyped} onKeyDown=${first} />
      <nav class="rows" aria-label="People">
        ${groups.map(
          ({ title, list }) => html`<section key=${title} aria-labelledby=${`part-${title}`}>
            <h2 id=${`part-${title}`}>${title}</h2>
            <ul>${list.map(
              (person) => html`<${Row} key=${person.peer_id} person=${person} chat=${talks.get(person.peer_id)}
                chosen=${person.peer_id === chosen} reachable=${person.peer_id === stop} />`,
            )}</ul>
          </section>`,
        )}
        ${shown.length === 0 && html`<p class="none" role="status">Nobody here is called “${typed.trim()}”.</p>`}
      </nav>
    </div>
    ${chosen
      ? html`<${Conversation} key=${chosen} person=${personOf(chosen)} />`
      : html`<div class="nobody"><${Empty} icon="message-circle" title="Choose somebody"
          text="Their messages, and the way to their site, appear here." /></div>`}
  </div>`;
}

/** Nobody was ever seen: say how people appear, and give the link that brings them. */
function Nobody() {
  const me = useStore(peer);
  const text = "Peers on the same network appear here by themselves. Give somebody your address to begin.";
  return html`<${Empty} icon="users" title="Nobody here yet" text=${text}>
    ${me && html`<${CopyButton} text=${me.link} words="Copy your address" label="Copy your address" kind="primary" />`}
  <//>`;
}
