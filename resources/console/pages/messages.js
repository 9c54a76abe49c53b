/** The messages of a conversation: grouped by day and by author, each group with its time and what became of it. */
import { attempt } from "../lib/actions.js";
import { retry, submitAgain } from "../lib/conversations.js";
import { clock, day, exactly, nameOf, sameDay } from "../lib/format.js";
import { withLinks } from "../lib/links.js";
import { html } from "../lib/preact.js";
import { Button, Icon } from "../lib/ui.js";

/** @typedef {import("../lib/types").ChatMessage} ChatMessage */
/** @typedef {import("../lib/types").Pending} Pending */
/** @typedef {import("../lib/types").Person} Person */
/** @typedef {{ key: string, own: boolean, content: string, at: number, state: ChatMessage["delivery"], error: string, again: () => void }} Item */

const TOGETHER = 5 * 60_000; // ms between messages of one group

/**
 * What is shown, in order: messages, then those that the server has not confirmed. One that was confirmed by an event
 * which overtook the server's answer is not shown twice.
 * @param {Person} person @param {ChatMessage[]} messages @param {Pending[]} pending @returns {Item[]}
 */
function items(person, messages, pending) {
  const taken = new Set();
  const waiting = pending.filter((item) => {
    const same = messages.find(
      ({ id, content, delivery }) =>
        id > item.after && delivery !== "received" && content === item.content && !taken.has(id),
    );
    if (same) taken.add(same.id);
    return !same || item.error;
  });
  return [
    ...messages.map((message) => ({
      key: `m${message.id}`,
      own: message.delivery !== "received",
      content: message.content,
      at: message.timestamp,
      state: message.delivery,
      error: message.error,
      again: () => void attempt(() => retry(person.peer_id, message.id)),
    })),
    ...waiting.map((item) => ({
      key: item.client_id,
      own: true,
      content: item.content,
      at: item.timestamp,
      state: /** @type {ChatMessage["delivery"]} */ (item.error ? "failed" : "sending"),
      error: item.error,
      again: () => void submitAgain(person.peer_id, item),
    })),
  ];
}

/** Whether `b` continues the group that ends with `a`. @param {Item} a @param {Item} b */
const continues = (a, b) =>
  a.own === b.own && a.state === b.state && a.state !== "failed" && b.at - a.at < TOGETHER && sameDay(a.at, b.at);

/** @param {Item[]} all @returns {Item[][]} */
function groups(all) {
  /** @type {Item[][]} */
  const result = [];
  for (const item of all) {
    const last = result.at(-1);
    const before = last?.at(-1);
    if (last && before && continues(before, item)) last.push(item);
    else result.push([item]);
  }
  return result;
}

/** @param {{ person: Person, messages: ChatMessage[], pending: Pending[] }} props */
export function Messages({ person, messages, pending }) {
  const all = groups(items(person, messages, pending));
  return all.map((group, index) => {
    const first = /** @type {Item} */ (group[0]);
    const before = all[index - 1]?.[0];
    const newDay = !before || !sameDay(before.at, first.at);
    return html`<div class=${first.own ? "group own" : "group"} key=${first.key}>
      ${newDay && html`<h2 class="day">${day(first.at)}</h2>`}
      <span class="unseen">${first.own ? "You" : nameOf(person)}:</span>
      ${group.map((item) => html`<div class="bubble" key=${item.key} dir="auto" title=${exactly(item.at)}>${withLinks(item.content)}</div>`)}
      <${Meta} person=${person} item=${/** @type {Item} */ (group.at(-1))} />
    </div>`;
  });
}

/** Under a group: when, and for own messages what became of them. @param {{ person: Person, item: Item }} props */
function Meta({ person, item }) {
  if (item.state === "failed") {
    return html`<p class="meta error"><${Icon} name="circle-alert" small /><span>Not delivered${item.error && `: ${item.error}`} </span>
      <${Button} kind="link" words="Send again" onClick=${item.again} /></p>`;
  }
  if (!item.own) return html`<p class="meta">${nameOf(person)}, ${clock(item.at)}</p>`;
  const [icon, words] = item.state === "sending" ? ["clock", "Sending"] : ["check-check", "Delivered"];
  return html`<p class="meta">${clock(item.at)} <${Icon} name=${icon} label=${words} small /></p>`;
}
