/** One message: what it answers, its words, its marks, and a menu of what can be done with it. */
import { attempt, copyText } from "../lib/actions.js";
import { exactly, nameOf } from "../lib/format.js";
import { withLinks } from "../lib/links.js";
import { Menu } from "../lib/menu.js";
import { html, useEffect } from "../lib/preact.js";

/** @typedef {import("../lib/types").Message} Message */
/** @typedef {import("../lib/types").Talk} Talk */
/** @typedef {import("./messages.js").Item} Item */
/** @typedef {(mode: import("./thread.js").Mode) => void} OnMode */

/** @param {Talk} talk @param {Item} item @param {OnMode} onMode @returns {import("../lib/menu.js").MenuItem[]} */
function actions({ rights }, { own, message }, onMode) {
  const copy = { words: "Copy text", icon: "copy", act: () => void attempt(() => copyText(message.content)) };
  if (!rights || message.delivery === "failed" || !message.id) return [copy];
  const reply = { words: "Reply", icon: "reply", act: () => onMode({ kind: "reply", message }) };
  if (!own || message.delivery !== "delivered") return [reply, copy];
  return [
    reply,
    copy,
    { words: "Edit", icon: "pencil", act: () => onMode({ kind: "edit", message }) },
    { words: "Delete…", icon: "trash-2", danger: true, act: () => rights.delete(message) },
  ];
}

/**
 * @param {{ talk: Talk, item: Item, quoted: Message | null | undefined, found: boolean, stop: boolean,
 *   onStop: (key: string) => void, onMode: OnMode, onJump: (id: number) => void }} props
 */
export function Bubble({ talk, item, quoted, found, stop, onStop, onMode, onJump }) {
  const { key, message } = item;
  if (message.deleted) {
    return html`<div class=${found ? "said found" : "said"} data-message=${key}>
      <div class="bubble deleted" title=${exactly(message.timestamp)}>Message deleted</div></div>`;
  }
  const edited = message.edited_at ?? 0;
  return html`<div class=${found ? "said found" : "said"} data-message=${key} onFocusCapture=${() => onStop(key)}>
    <div class="bubble" dir="auto" title=${exactly(message.timestamp)}>
      ${Boolean(message.reply_to) && html`<${Quote} talk=${talk} id=${message.reply_to} quoted=${quoted} onJump=${onJump} />`}
      ${withLinks(message.content, talk.mentions)}
      ${edited > 0 && html` <small class="edited" title=${exactly(edited)}>edited</small>`}
    </div>
    <${Menu} label=${`Actions for “${brief(message.content, 40)}”`} items=${actions(talk, item, onMode)} tabindex=${stop ? 0 : -1} />
  </div>`;
}

/** @param {string} text @param {number} most */
function brief(text, most) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

/**
 * What a message answers; a press leads there.
 * @param {{ talk: Talk, id: number, quoted: Message | null | undefined, onJump: (id: number) => void }} props
 */
function Quote({ talk, id, quoted, onJump }) {
  useEffect(() => {
    if (quoted === undefined) void talk.threads.quote(talk.id, id);
  }, [id, quoted]);
  if (!quoted) return html`<span class="quote"><b>Earlier message</b><span>Not kept here</span></span>`;
  const name = quoted.delivery === "received" ? nameOf(talk.authorOf(quoted)) : "You";
  return html`<button type="button" class="quote" onClick=${() => onJump(id)}><b>${name}</b>
    <span>${quoted.deleted ? "Message deleted" : brief(quoted.content, 160)}</span></button>`;
}
