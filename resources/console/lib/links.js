/** Addresses in what people wrote become links, and names after an @ stand out; everything else stays text. */
import { attempt, openSite } from "./actions.js";
import { findMentions } from "./mentions.js";
import { html } from "./preact.js";

const ADDRESS = /\b(?:https?:\/\/|goop2:)[^\s<>"']+/g;
const AFTER = /[.,;:!?)\]}]+$/; // belongs to the sentence, not to the address

/**
 * The text as a list of strings, links and mentions.
 * @param {string} text
 * @param {import("./mentions.js").Mentions | null} mentions
 */
export function withLinks(text, mentions) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = found[0].replace(AFTER, "");
    const at = found.index;
    parts.push(...withMentions(text.slice(from, at), mentions), link(address));
    from = at + address.length;
  }
  parts.push(...withMentions(text.slice(from), mentions));
  return parts.filter((part) => part !== "");
}

/** @param {string} text @param {import("./mentions.js").Mentions | null} mentions */
function withMentions(text, mentions) {
  if (!mentions) return [text];
  const parts = [];
  let from = 0;
  for (const { at, length, own } of findMentions(text, mentions)) {
    parts.push(text.slice(from, at), html`<b class=${own ? "mention own" : "mention"}>${text.slice(at, at + length)}</b>`);
    from = at + length;
  }
  return [...parts, text.slice(from)];
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
