/** Where one writes: Enter sends, Shift+Enter starts a new line, and what was not sent is kept for each person. */
import { draft, keepDraft, send } from "../lib/conversations.js";
import { nameOf } from "../lib/format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { Button, Icon } from "../lib/ui.js";

const MOST = 16 * 1024; // bytes of UTF-8 that one message may have
const TALLEST = 160; // px

/** @param {{ person: import("../lib/types").Person, onSent: () => void }} props */
export function Composer({ person, onSent }) {
  const id = person.peer_id;
  const [text, setText] = useState(() => draft(id));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));

  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) field.current?.focus(); // on a phone this would raise the keyboard
  }, []);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, TALLEST)}px`;
  }, [text]);

  const change = (/** @type {string} */ value) => {
    setText(value);
    keepDraft(id, value);
  };
  const over = new TextEncoder().encode(text.trim()).length - MOST;
  const submit = () => {
    const content = text.trim();
    if (!content || over > 0) return;
    change("");
    void send(id, content);
    onSent();
    field.current?.focus();
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  };
  const name = nameOf(person);
  return html`<form class="composer" onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), submit())}>
    ${over > 0 && html`<p class="hint error" role="alert"><${Icon} name="circle-alert" small />
      This is ${over.toLocaleString("en-GB")} characters too long for one message. Send it in parts.</p>`}
    ${!person.online && html`<p class="hint"><${Icon} name="info" small />${name} is offline. A message arrives only while both of you are online.</p>`}
    <div class=${over > 0 ? "write wrong" : "write"}>
      <textarea ref=${field} rows="1" value=${text} placeholder="Write a message" aria-label=${`Message to ${name}`} dir="auto"
        onInput=${(/** @type {any} */ event) => change(event.target.value)} onKeyDown=${keys}></textarea>
      <${Button} type="submit" kind="primary" icon="send" label="Send" disabled=${!text.trim() || over > 0} />
    </div>
  </form>`;
}
