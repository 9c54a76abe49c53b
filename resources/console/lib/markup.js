/** HTML of the guide as Preact nodes: only the elements that a text needs, so that nothing in it can run. */
import { h } from "./preact.js";
import { href } from "./router.js";

const ALLOWED = new Set(
  "h1 h2 h3 h4 p ul ol li a code pre em strong blockquote table thead tbody tr th td hr br".split(" "),
);

/**
 * @param {string} text HTML
 * @returns {import("./preact.js").ComponentChildren[]}
 */
export function fromMarkup(text) {
  const parsed = new DOMParser().parseFromString(text, "text/html");
  return [...parsed.body.childNodes].map(converted);
}

/** @param {Node} node @returns {import("./preact.js").ComponentChildren} */
function converted(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent;
  if (!(node instanceof HTMLElement)) return null;
  const children = [...node.childNodes].map(converted);
  const name = node.localName;
  if (!ALLOWED.has(name)) return children;
  return h(name, name === "a" ? linkProps(node.getAttribute("href") ?? "") : {}, children);
}

/** @param {string} address */
function linkProps(address) {
  const [, page] = /^#\/help\/([a-z-]+)$/.exec(address) ?? [];
  if (page) return { href: href("help", page) };
  return /^https?:\/\//.test(address) ? { href: address, target: "_blank", rel: "noopener noreferrer" } : {};
}
