/** Searching in a room: what was found, newest first; a press leads there. */
import { asApiError } from "../lib/api.js";
import { attempt } from "../lib/actions.js";
import { brief, exactly, nameOf } from "../lib/format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { searchRoom } from "../lib/rooms.js";
import { Button, Failed, Icon, Loading } from "../lib/ui.js";

/** @typedef {import("../lib/types").RoomMessage} RoomMessage */
/** @typedef {{ words: string, messages: RoomMessage[], more: boolean }} Found */

const PAUSE = 250; // ms without a key, after which is searched
const LONGEST = 200; // characters that can be searched for
const AROUND = 60; // characters shown before what was found

/** @param {{ talk: import("../lib/types").Talk, onClose: () => void }} props */
export function RoomSearch({ talk, onClose }) {
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState(/** @type {Found | import("../lib/api.js").ApiError | null} */ (null));
  const [tries, setTries] = useState(0);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const words = typed.trim();
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    if (!words) {
      setFound(null);
      return undefined;
    }
    let gone = false;
    const keep = (/** @type {any} */ result) => !gone && setFound(result);
    const look = () => searchRoom(talk.id, words).then((answer) => keep({ ...answer, words }), (error) => keep(asApiError(error)));
    const timer = setTimeout(look, PAUSE);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [talk.id, words, tries]);
  return html`<div class="side-head"><label class="search"><${Icon} name="search" small />
        <input ref=${field} type="search" value=${typed} maxlength=${LONGEST} placeholder="Search in this group" aria-label="Search in this group"
          spellcheck=${false} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></label>
      <${Button} kind="quiet" icon="x" label="Close search" onClick=${onClose} /></div>
    <div class="side-body" aria-live="polite">
      ${words && !found && html`<${Loading} what="the messages" />`}
      ${found && (found instanceof Error
        ? html`<${Failed} error=${found} retry=${() => (setFound(null), setTries(tries + 1))} />`
        : html`<${Results} talk=${talk} found=${found} />`)}
    </div>`;
}

/** @param {{ talk: import("../lib/types").Talk, found: Found }} props */
function Results({ talk, found: { words, messages, more } }) {
  if (messages.length === 0) return html`<p class="none" role="status">Nobody wrote “${words}”.</p>`;
  const jump = (/** @type {RoomMessage} */ { id }) => {
    void attempt(() => talk.threads.jump(talk.id, id));
  };
  return html`<ul class="results">${messages.map(
      (message) => html`<li key=${message.id}><button type="button" onClick=${() => jump(message)}>
        <span class="first"><b>${message.delivery === "received" ? nameOf(talk.authorOf(message)) : "You"}</b>
          <time title=${exactly(message.timestamp)}>${brief(message.timestamp)}</time></span>
        <span class="text">${excerpt(message.content, words)}</span></button></li>`,
    )}</ul>
    ${more && html`<p class="none">Only the newest ${messages.length} are shown.</p>`}`;
}

/** The words in their surroundings. @param {string} text @param {string} words */
function excerpt(text, words) {
  const at = text.toLocaleLowerCase().indexOf(words.toLocaleLowerCase());
  if (at < 0) return text.slice(0, 2 * AROUND);
  const from = Math.max(0, at - AROUND);
  const end = at + words.length;
  return [from > 0 && "…", text.slice(from, at), html`<mark>${text.slice(at, end)}</mark>`, text.slice(end, end + 2 * AROUND)];
}
