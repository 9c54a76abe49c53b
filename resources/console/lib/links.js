/** Addresses in what people wrote become links; everything else stays text. */
import { attempt, openSite } from "./actions.js";
import { html } from "./preact.js";

const ADDRESS = /\b(?:https?:\/\/|goop2:)[^\s<>"']+/g;
const AFTER = /[.,;:!?)\]}]+$/; // belongs to the sentence, not to the address

/**
 * The text as a list of strings and links.
 * @param {string} text
 */
export function withLinks(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = found[0].replace(AFTER, "");
    const at = found.index;
    parts.push(text.slice(from, at), link(address));
    from = at + address.length;
  }
  parts.push(text.slice(from));
  return parts.filter((part) => part !== "");
}

/** @param {string} address */
function link(address) {
  if (!address.startsWith("goop2:")) {
    return html`<a href=${address} target="_blank" rel="noopener noreferrer">${address}</a>`;
  }
  const visit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(() => openSite(address));
  };
  return html`<a href=${address} onClick=${visit}>${address}</a>`;
}
