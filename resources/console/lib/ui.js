/** The small parts that every page is made of. */
import { copyText, dismiss, notices, notify } from "./actions.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { useStore } from "./store.js";
import { mode } from "./theme.js";

/** @typedef {import("./types").Person} Person */
/** @typedef {import("./preact.js").ComponentChildren} Children */

/** A Lucide icon; it takes its colour from the text around it. @param {{ name: string, small?: boolean, label?: string }} props */
export function Icon({ name, small = false, label = "" }) {
  return html`<svg class=${small ? "icon small" : "icon"} role=${label ? "img" : null} aria-label=${label || null}
    aria-hidden=${label ? null : "true"}><use href=${`/static/vendor/icons.svg#${name}`} /></svg>`;
}

/**
 * @typedef {{ words?: string, icon?: string, kind?: "" | "primary" | "danger" | "quiet" | "link", label?: string,
 *   type?: "button" | "submit", disabled?: boolean, busy?: boolean, pressed?: boolean, expanded?: boolean,
 *   tabindex?: number, onClick?: (event: MouseEvent) => void, class?: string }} ButtonProps
 */

/** A button: words, an icon, or both. Without words, `label` names it. @param {ButtonProps} props */
export function Button({ words = "", icon = "", kind = "", label = "", type = "button", disabled, busy, onClick, ...rest }) {
  const classes = ["button", kind, words ? "" : "only-icon", rest.class ?? ""].filter(Boolean).join(" ");
  return html`<button type=${type} class=${classes} disabled=${disabled || busy} aria-label=${label || null}
    title=${label && !words ? label : null} aria-pressed=${rest.pressed === undefined ? null : String(rest.pressed)}
    aria-expanded=${rest.expanded === undefined ? null : String(rest.expanded)} tabindex=${rest.tabindex ?? null}
    aria-busy=${busy ? "true" : null} onClick=${onClick}>
    ${icon && html`<${Icon} name=${icon} small=${Boolean(words)} />`}${words && html`<span>${words}</span>`}
  </button>`;
}

/** Copies `text` and says that it did. @param {{ text: string, words?: string, label: string, kind?: ButtonProps["kind"] }} props */
export function CopyButton({ text, words = "", label, kind = "" }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () =>
    copyText(text).then(
      () => setDone(true),
      () => notify({ kind: "error", text: `The browser does not allow copying. Select it instead: ${text}` }),
    );
  return html`<${Button} icon=${done ? "check" : "copy"} words=${words && (done ? "Copied" : words)} kind=${kind}
      label=${label} onClick=${copy} /><span class="unseen" role="status">${done ? "Copied" : ""}</span>`;
}

/** The shape that says how somebody is reached: disc, half disc, ring. @param {{ person: Person }} props */
export function Sign({ person }) {
  const shape = !person.online ? "off" : person.reachable ? "on" : "half";
  return html`<i class=${`sign ${shape}`} aria-hidden="true"></i>`;
}

/** A person's picture, with the sign of their state if wanted. @param {{ person: Person, sign?: boolean }} props */
export function Avatar({ person, sign = false }) {
  const now = useStore(mode);
  const version = person.avatar_hash ? `&v=${encodeURIComponent(person.avatar_hash)}` : "";
  const source = `/api/avatar/${encodeURIComponent(person.peer_id)}?mode=${now}${version}`;
  return html`<span class=${sign && !person.online ? "avatar off" : "avatar"}>
    <img src=${source} alt="" width="32" height="32" loading="lazy" decoding="async" />
    ${sign && html`<${Sign} person=${person} />`}
  </span>`;
}

/** What a page says when there is nothing on it yet. @param {{ icon: string, title: string, text: string, children?: Children }} props */
export function Empty({ icon, title, text, children }) {
  return html`<div class="empty">
    <span class="disc"><${Icon} name=${icon} /></span>
    <h2>${title}</h2>
    <p>${text}</p>
    ${children && html`<div class="row">${children}</div>`}
  </div>`;
}

/** Shown while something is on its way: nothing for 300 ms, then a moving bar, after 10 s also for what. @param {{ what: string }} props */
export function Loading({ what }) {
  const [late, setLate] = useState(0);
  useEffect(() => {
    const timers = [setTimeout(() => setLate(1), 300), setTimeout(() => setLate(2), 10_000)];
    return () => timers.forEach(clearTimeout);
  }, []);
  return html`<div class="loading" role="status" aria-live="polite">
    ${late > 0 && html`<span class="unseen">Loading ${what}</span><div class="bar"></div>`}
    ${late > 1 && html`<p>Still waiting for ${what} from the peer.</p>`}
  </div>`;
}

/**
 * A line across the page: what happened, and the button that helps.
 * @param {{ kind: "error" | "attention" | "ok", title?: string, text?: Children, children?: Children }} props
 */
export function Banner({ kind, title = "", text = "", children }) {
  const icon = kind === "ok" ? "circle-check" : "triangle-alert";
  return html`<div class=${`banner ${kind}`} role=${kind === "error" ? "alert" : "status"}>
    <${Icon} name=${icon} />
    <div class="words">${title && html`<b>${title}</b>`}${text && html`<p>${text}</p>`}</div>
    ${children}
  </div>`;
}

/** A failure that takes the page's place. @param {{ error: import("./api.js").ApiError, retry: () => void }} props */
export function Failed({ error, retry }) {
  return html`<div class="empty" role="alert">
    <span class="disc error"><${Icon} name="triangle-alert" /></span>
    <h2>${error.title}</h2>
    <p>${[error.message, error.hint].filter(Boolean).join(" ")}</p>
    <div class="row"><${Button} words="Try again" icon="rotate-cw" onClick=${retry} /></div>
  </div>`;
}

/** What actions had to tell, above the page. */
export function Notices() {
  return useStore(notices).map(
    (notice) => html`<${Banner} key=${notice.id} kind=${notice.kind} text=${notice.text}>
      ${notice.link && html`<a class="button" href=${notice.link} target="_blank" rel="noopener">${notice.words}</a>`}
      <${Button} kind="quiet" icon="x" label="Dismiss" onClick=${() => dismiss(notice.id)} />
    <//>`,
  );
}

/** A search field; Ctrl+K brings the cursor here. @param {{ value: string, label: string, onInput: (text: string) => void, hint?: boolean, onKeyDown?: (event: KeyboardEvent) => void }} props */
export function Search({ value, label, onInput, hint = true, onKeyDown }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k" || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && value) onInput("");
    else onKeyDown?.(event);
  };
  return html`<label class="search"><${Icon} name="search" small />
    <input ref=${field} type="search" value=${value} placeholder=${label} aria-label=${label} spellcheck=${false}
      onInput=${(/** @type {any} */ event) => onInput(event.target.value)} onKeyDown=${keys} />
    ${hint && html`<kbd aria-hidden="true">Ctrl+K</kbd>`}
  </label>`;
}

/**
 * A list to choose one from.
 * @param {{ value: string, choices: [string, string][], onChange: (value: string) => void, [name: string]: unknown }} props
 */
export function Choice({ value, choices, onChange, class: extra = "", ...rest }) {
  return html`<span class="choice">
    <select ...${rest} class=${`select ${extra}`} value=${value} onChange=${(/** @type {any} */ event) => onChange(event.target.value)}>
      ${choices.map(([key, words]) => html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`)}
    </select><${Icon} name="chevron-down" small />
  </span>`;
}

/** The arrow keys walk through the rows of a list, as in any list. @param {KeyboardEvent} event */
export function walkRows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !(event.currentTarget instanceof HTMLElement)) return;
  const rows = [.../** @type {NodeListOf<HTMLElement>} */ (event.currentTarget.querySelectorAll("a.person"))];
  const at = rows.findIndex((row) => row === document.activeElement);
  event.preventDefault();
  if (at + step < 0) event.currentTarget.querySelector("input")?.focus();
  else rows[Math.min(at + step, rows.length - 1)]?.focus();
}

/** How many are unread, in a disc. @param {{ number: number, words?: string }} props */
export function Count({ number, words = "unread" }) {
  if (number <= 0) return null;
  return html`<span class="count">${number > 99 ? "99+" : number}<span class="unseen"> ${words}</span></span>`;
}
