/** The messages of a conversation: grouped by day and by author, each group with its time and what became of it. */
import { attempt } from "../lib/actions.js";
import { clock, day, nameOf, sameDay } from "../lib/format.js";
import { html, useState } from "../lib/preact.js";
import { Avatar, Button, Icon } from "../lib/ui.js";
import { Bubble } from "./bubble.js";

/** @typedef {import("../lib/types").Message} Message */
/** @typedef {import("../lib/types").Pending} Pending */
/** @typedef {import("../lib/types").Talk} Talk */
/** @typedef {import("../lib/types").Thread} Thread */

/**
 * One message as it is shown. `drop` takes back what was not delivered, `again` sends it again.
 * @typedef {{ key: string, own: boolean, message: Message, again: () => void, drop: () => void }} Item
 */

const TOGETHER = 5 * 60_000; // ms between messages of one group

/**
 * What is shown, in order: messages, then those that the server has not confirmed. One that was confirmed by an event
 * which overtook the server's answer is not shown twice.
 * @param {Talk} talk @param {Thread} thread @returns {Item[]}
 */
function items(talk, { messages, pending, newer }) {
  const taken = new Set();
  const waiting = pending.filter((item) => {
    const same = messages.find(
      ({ id, content, delivery }) =>
        id > item.after && delivery !== "received" && content === item.content && !taken.has(id),
    );
    if (same) taken.add(same.id);
    return !same || item.error;
  });
  const said = messages.map((message) => ({
    key: `m${message.id}`,
    own: message.delivery !== "received",
    message,
    again: () => void attempt(() => talk.retry(message)),
    drop: () => void attempt(() => talk.cancel(message)),
  }));
  if (newer) return said; // they belong to the end, which is not in sight
  return [...said, ...waiting.map((item) => unconfirmed(talk, item))];
}

/** @param {Talk} talk @param {Pending} item @returns {Item} */
function unconfirmed(talk, item) {
  const { client_id, content, timestamp, reply_to, error } = item;
  const delivery = error ? /** @type {const} */ ("failed") : /** @type {const} */ ("sending");
  return {
    key: client_id,
    own: true,
    message: { id: 0, from_id: "", content, timestamp, delivery, error, reply_to },
    again: () => void talk.threads.submitAgain(talk.id, item),
    drop: () => talk.threads.discard(talk.id, item),
  };
}

/** Whether a message needs words and buttons of its own below it. @param {Message} message */
const alone = ({ delivery }) => delivery === "failed" || delivery === "waiting";

/** Whether `b` continues the group that ends with `a`. @param {Item} a @param {Item} b */
const continues = (a, b) =>
  a.own === b.own &&
  (a.own || a.message.from_id === b.message.from_id) &&
  a.message.delivery === b.message.delivery &&
  !alone(a.message) &&
  b.message.timestamp - a.message.timestamp < TOGETHER &&
  sameDay(a.message.timestamp, b.message.timestamp);

/** @param {Item[]} all @param {string} mark the key of the first unread message @returns {Item[][]} */
function groups(all, mark) {
  /** @type {Item[][]} */
  const result = [];
  for (const item of all) {
    const last = result.at(-1);
    const before = last?.at(-1);
    if (last && before && item.key !== mark && continues(before, item)) last.push(item);
    else result.push([item]);
  }
  return result;
}

/**
 * @param {{ talk: Talk, thread: Thread, mark: number, found: number, onMode: (mode: import("./thread.js").Mode) => void,
 *   onJump: (id: number) => void }} props
 */
export function Messages({ talk, thread, mark, found, onMode, onJump }) {
  const [stop, setStop] = useState("");
  const shown = items(talk, thread);
  const all = groups(shown, `m${mark}`);
  const at = shown.some(({ key }) => key === stop) ? stop : shown.findLast(({ message }) => !message.deleted)?.key;
  return all.flatMap((group, index) => {
    const first = /** @type {Item} */ (group[0]);
    const before = all[index - 1]?.[0]?.message;
    const { own, message } = first;
    const author = talk.authorOf(message);
    const byline = talk.several && !own;
    return [
      (!before || !sameDay(before.timestamp, message.timestamp)) &&
        html`<h2 class="day" key=${`day ${first.key}`}>${day(message.timestamp)}</h2>`,
      first.key === `m${mark}` && html`<p class="unread-line" role="separator" key="unread">New messages</p>`,
      html`<div class=${own ? "group own" : "group"} key=${first.key} onKeyDown=${walk}>
        ${byline
          ? html`<${Avatar} person=${author} /><p class="by"><b>${nameOf(author)}</b> <span>${clock(message.timestamp)}</span></p>`
          : html`<span class="unseen">${own ? "You" : nameOf(author)}:</span>`}
        ${group.map(
          (item) => html`<${Bubble} key=${item.key} talk=${talk} item=${item} quoted=${quoted(thread, item.message)}
            found=${found > 0 && item.message.id === found} stop=${item.key === at} onStop=${setStop} onMode=${onMode}
            onJump=${onJump} />`,
        )}
        <${Meta} talk=${talk} item=${/** @type {Item} */ (group.at(-1))} />
      </div>`,
    ];
  });
}

/** What a message answers: undefined if it was not looked for yet, null if it is not here. @param {Thread} thread @param {Message} message */
function quoted({ messages, quoted: others }, { reply_to = 0 }) {
  if (!reply_to) return null;
  return messages.find(({ id }) => id === reply_to) ?? others.get(reply_to);
}

/** The arrow keys lead from the menu of one message to that of the next. @param {KeyboardEvent} event */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const here = event.target;
  if (!step || !(here instanceof HTMLElement) || !here.matches(".said > .menu-box > .button")) return;
  const all = [...(here.closest(".log")?.querySelectorAll(".said > .menu-box > .button") ?? [])];
  const next = all[all.indexOf(here) + step];
  event.preventDefault();
  if (next instanceof HTMLElement) next.focus();
}

/** Under a group: when, and for own messages what became of them. @param {{ talk: Talk, item: Item }} props */
function Meta({ talk, item: { own, message, again, drop } }) {
  const { delivery, error, timestamp } = message;
  if (delivery === "failed") {
    return html`<p class="meta error"><${Icon} name="circle-alert" small /><span>Not delivered${error && `: ${error}`} </span>
      <${Button} kind="link" words="Send again" onClick=${again} /><${Button} kind="link" words="Remove" onClick=${drop} /></p>`;
  }
  if (delivery === "waiting") {
    return html`<p class="meta"><${Icon} name="clock" small /><span>${talk.waits}</span>
      <${Button} kind="link" words="Cancel" onClick=${drop} /></p>`;
  }
  if (!own) return talk.several ? null : html`<p class="meta">${nameOf(talk.authorOf(message))}, ${clock(timestamp)}</p>`;
  const [icon, words] = delivery === "sending" ? ["clock", "Sending"] : ["check-check", "Delivered"];
  return html`<p class="meta">${clock(timestamp)} <${Icon} name=${icon} label=${words} small /></p>`;
}
