/** A small picker of common emoji. */
import { usePopover } from "../lib/menu.js";
import { html } from "../lib/preact.js";
import { Button } from "../lib/ui.js";

const COLUMNS = 8;
const EMOJI =
  "😀 😄 😂 🙂 😉 😍 🥰 😎 🤔 😅 😬 😴 😢 😭 😡 🤯 👍 👎 👌 🙏 👏 💪 👋 🤝 ❤️ 💔 🎉 🔥 ✨ ✅ ❌ ❓ ☕ 🍕 🍺 🎂 🎵 📷 💡 🚀".split(" ");

/** @param {{ onPick: (emoji: string) => void }} props */
export function EmojiPicker({ onPick }) {
  const { open, setOpen, box, list, back } = usePopover();
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const all = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = all.findIndex((item) => item === document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (step) all[at + step]?.focus();
    if (event.key === "Escape" || event.key === "Tab") back();
    if (step || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const pick = (/** @type {string} */ emoji) => {
    setOpen(false);
    onPick(emoji);
  };
  return html`<span class="menu-box" ref=${box}>
    <${Button} kind="quiet" icon="smile" label="Emoji" onClick=${() => setOpen(!open)} expanded=${open} />
    ${open && html`<div class="menu emoji" role="menu" aria-label="Emoji" ref=${list} onKeyDown=${keys}>
      ${EMOJI.map((emoji) => html`<button type="button" role="menuitem" tabindex="-1" onClick=${() => pick(emoji)}>${emoji}</button>`)}
    </div>`}
  </span>`;
}
