/** The user guide. */
import { asApiError, get } from "../lib/api.js";
import { fromMarkup } from "../lib/markup.js";
import { html, useCallback, useEffect, useRef, useState } from "../lib/preact.js";
import { href } from "../lib/router.js";
import { Failed, Icon, Loading } from "../lib/ui.js";

const FIRST = "index";

/** @param {{ rest: string[] }} props */
export function Help({ rest: [page = FIRST] }) {
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState(/** @type {import("../lib/api.js").ApiError | null} */ (null));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const load = useCallback(async () => {
    setError(null);
    try {
      setText((await get(`/api/guide/${encodeURIComponent(page)}`)).html);
      if (box.current) box.current.scrollTop = 0;
    } catch (thrown) {
      setText(null);
      setError(asApiError(thrown));
    }
  }, [page]);
  useEffect(() => void load(), [load]);
  return html`<div class="page help" ref=${box} tabindex="0" role="region" aria-label="Guide">
    ${page !== FIRST && html`<p><a class="up" href=${href("help")}><${Icon} name="arrow-left" small />All of the guide</a></p>`}
    ${!text && !error && html`<${Loading} what="the guide" />`}
    ${error && html`<${Failed} error=${error} retry=${load} />`}
    ${text && html`<article>${fromMarkup(text)}</article>`}
  </div>`;
}
