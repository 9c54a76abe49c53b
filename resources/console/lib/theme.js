/** Light or dark: the desktop says so by a class on <html>, else the browser does. */
import { createStore } from "./store.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {import("./types").Mode} */
function read() {
  const classes = document.documentElement.classList;
  if (classes.contains("dark")) return "dark";
  if (classes.contains("light")) return "light";
  return dark.matches ? "dark" : "light";
}

/** @type {import("./store.js").Store<import("./types").Mode>} */
export const mode = createStore(read());

dark.addEventListener("change", () => mode.set(read()));
new MutationObserver(() => mode.set(read())).observe(document.documentElement, { attributeFilter: ["class"] });
