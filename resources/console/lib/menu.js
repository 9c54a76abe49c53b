/** A button that opens a short list of actions: arrow keys move in it, Escape and a press elsewhere close it. */
import { html, useLayoutEffect, useRef, useState } from "./preact.js";
import { Button, Icon } from "./ui.js";

/** @typedef {{ words: string, icon?: string, danger?: boolean, act: () => void }} MenuItem */

/**
 * Something small that opens at a button: where it goes, and when it closes. The first button in it gets the focus, and
 * the one it belongs to has it back with `back`.
 */
export function usePopover() {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));

  useLayoutEffect(() => {
    if (!open) return undefined;
    const away = (/** @type {Event} */ event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const close = () => setOpen(false);
    place(box.current, list.current);
    list.current?.querySelector("button")?.focus();
    addEventListener("pointerdown", away);
    addEventListener("focusin", away);
    addEventListener("resize", close);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("focusin", away);
      removeEventListener("resize", close);
    };
  }, [open]);

  const back = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  return { open, setOpen, box, list, back };
}

/** @param {{ label: string, items: MenuItem[], icon?: string, tabindex?: number }} props */
export function Menu({ label, items, icon = "ellipsis-vertical", tabindex = 0 }) {
  const { open, setOpen, box, list, back } = usePopover();

  const keys = (/** @type {KeyboardEvent} */ event) => {
    const all = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = all.findIndex((item) => item === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") back();
    if (to !== undefined) all[to % all.length]?.focus();
    if (to !== undefined || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const run = (/** @type {MenuItem} */ item) => {
    back();
    item.act();
  };
  return html`<span class="menu-box" ref=${box}>
    <${Button} kind="quiet" icon=${icon} label=${label} onClick=${() => setOpen(!open)} expanded=${open} tabindex=${tabindex} />
    ${open && html`<div class="menu" role="menu" aria-label=${label} ref=${list} onKeyDown=${keys}>
      ${items.map((item) => html`<button type="button" role="menuitem" tabindex="-1" class=${item.danger ? "danger" : ""}
        onClick=${() => run(item)}>${item.icon && html`<${Icon} name=${item.icon} small />`}${item.words}</button>`)}
    </div>`}
  </span>`;
}

/** Under the button, or above it if there is no room. @param {HTMLElement | null} box @param {HTMLElement | null} list */
function place(box, list) {
  if (!box || !list) return;
  const at = box.getBoundingClientRect();
  const up = at.bottom + list.offsetHeight + 8 > innerHeight && at.top > list.offsetHeight + 8;
  list.style.top = `${up ? at.top - list.offsetHeight - 4 : at.bottom + 4}px`;
  list.style.left = `${Math.max(8, Math.min(at.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`;
}
