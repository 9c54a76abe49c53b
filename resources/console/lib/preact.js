/** The vendored Preact as one module; its types are in preact.d.ts beside it. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export * from "../vendor/preact.js";
export * from "../vendor/preact-hooks.js";

/** Markup as a tagged template. Whatever is put into it is text, never markup. */
export const html = htm.bind(h);
