/** Who or what was open on a page when it was left: there again when the page comes back. */
import { useLayoutEffect, useRef } from "./preact.js";
import { go, href } from "./router.js";

/** @type {Map<string, string>} */
const last = new Map();

/** @param {string} page @param {string} chosen "" for none */
export function useLast(page, chosen) {
  const came = useRef(false);
  useLayoutEffect(() => {
    const before = last.get(page);
    if (!came.current && !chosen && before) go(href(page, before), true);
    else last.set(page, chosen);
    came.current = true;
  }, [page, chosen]);
}
