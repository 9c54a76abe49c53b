/** Where one writes: Enter sends, Shift+Enter starts a new line, and what was not sent is kept for each conversation. */
import { attempt } from "../lib/actions.js";
import { draft, keepDraft } from "../lib/drafts.js";
import { nameOf } from "../lib/format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { Button, Icon } from "../lib/ui.js";
import { EmojiPicker } from "./emoji.js";

/** @typedef {import("./thread.js").Mode} Mode */

const MOST = 16 * 1024; // bytes of UTF-8 that one message may have
const TALLEST = 160; // px

/**
 * @param {{ talk: import("../lib/types").Talk, hint: string, mode: Mode, onMode: (mode: Mode) => void,
 *   onSend: (content: string) => void, onUp: () => void }} props `onUp`: the owner wants to correct what they said last
 */
export function Composer({ talk, hint, mode, onMode, onSend, onUp }) {
  const { id } = talk;
  const editing = mode?.kind === "edit" ? mode.message : null;
  const [text, setText] = useState(() => draft(id));
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));

  useEffect(() => {
    setText(editing ? editing.content : draft(id));
  }, [editing]);
  useLayoutEffect(() => {
    if (mode || matchMedia("(hover: hover)").matches) field.current?.focus(); // unasked, this would raise a phone's keyboard
  }, [mode]);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, TALLEST)}px`;
  }, [text]);
  if (talk.silent) return html`<p class="composer silent"><${Icon} name="info" small />${talk.silent}</p>`;

  const change = (/** @type {string} */ value) => {
    setText(value);
    if (editing) return;
    keepDraft(id, value);
    if (value.trim()) talk.typing();
  };
  const over = new TextEncoder().encode(text.trim()).length - MOST;
  const submit = async () => {
    const content = text.trim();
    if (!content || over > 0 || busy) return;
    if (!editing) {
      change("");
      onSend(content);
    } else {
      setBusy(true);
      const same = content === editing.content;
      if (same || (await attempt(async () => talk.rights?.edit(editing, content)))) onMode(null);
      setBusy(false);
    }
    field.current?.focus();
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && mode) onMode(null);
    else if (event.key === "ArrowUp" && !text && !mode) onUp();
    else if (event.key === "Enter" && !event.shiftKey) void submit();
    else return;
    if (event.key !== "ArrowUp" || talk.rights) event.preventDefault();
  };
  const pick = (/** @type {string} */ emoji) => {
    const area = field.current;
    if (!area) return;
    area.setRangeText(emoji, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    change(area.value);
  };
  return html`<form class="composer" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), void submit())}>
    ${over > 0 && html`<p class="hint error" role="alert"><${Icon} name="circle-alert" small />
      This is ${over.toLocaleString("en-GB")} characters too long for one message. Send it in parts.</p>`}
    ${hint && html`<p class="hint"><${Icon} name="info" small />${hint}</p>`}
    ${mode && html`<${About} talk=${talk} mode=${mode} onClose=${() => onMode(null)} />`}
    <div class=${over > 0 ? "write wrong" : "write"}>
      <textarea ref=${field} rows="1" value=${text} placeholder="Write a message" aria-label=${`Message to ${talk.name}`} dir="auto"
        onInput=${(/** @type {any} */ event) => change(event.target.value)} onKeyDown=${keys}></textarea>
      <${EmojiPicker} onPick=${pick} />
      <${Button} type="submit" kind="primary" icon=${editing ? "check" : "send"} label=${editing ? "Save" : "Send"} busy=${busy}
        disabled=${!text.trim() || over > 0} />
    </div>
  </form>`;
}

/** What is answered or corrected. @param {{ talk: import("../lib/types").Talk, mode: NonNullable<Mode>, onClose: () => void }} props */
function About({ talk, mode: { kind, message }, onClose }) {
  const whom = message.delivery === "received" ? nameOf(talk.authorOf(message)) : "yourself";
  return html`<div class="about"><${Icon} name=${kind === "edit" ? "pencil" : "reply"} small />
    <p><b>${kind === "edit" ? "Edit your message" : `Reply to ${whom}`}</b><span>${message.content}</span></p>
    <${Button} kind="quiet" icon="x" label=${kind === "edit" ? "Do not edit" : "Do not reply"} onClick=${onClose} /></div>`;
}
