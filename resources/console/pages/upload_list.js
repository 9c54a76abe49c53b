/** What is on its way to the site, at the foot of the files page. */
import { plural } from "../lib/format.js";
import { html } from "../lib/preact.js";
import { useStore } from "../lib/store.js";
import { Button, Icon } from "../lib/ui.js";
import { stopUploads, uploadAgain, uploads } from "../lib/uploads.js";

const SHOWN = 50;

/** All uploads: one line for the whole, one for each that is under way or failed. */
export function Uploads() {
  const all = useStore(uploads);
  if (all.length === 0) return null;
  const done = all.filter(({ state }) => state === "done").length;
  const failed = all.filter(({ state }) => state === "failed").length;
  const busy = done + failed < all.length;
  const bytes = all.reduce((sum, { file }) => sum + file.size, 0);
  const sent = all.reduce((sum, { file, part }) => sum + file.size * part, 0);
  const part = bytes ? sent / bytes : done / all.length;
  const words = busy
    ? `Uploading… ${done} of ${plural(all.length, "file")}`
    : failed
      ? `${plural(failed, "file")} could not be uploaded`
      : `Uploaded ${plural(done, "file")}`;
  const listed = all.filter(({ state }) => state === "running" || state === "failed").slice(0, SHOWN);
  return html`<section class="uploads" aria-label="Uploads">
    <div class="line"><${Icon} small name=${busy ? "upload" : failed ? "circle-alert" : "circle-check"} />
      <b role="status">${words}</b>
      <${Button} kind="quiet" words=${busy ? "Stop" : "Close"} onClick=${stopUploads} /></div>
    ${busy && html`<progress max="1" value=${part} aria-label="All uploads"></progress>`}
    ${listed.length > 0 && html`<ul>${listed.map((item) => html`<li key=${item.id} class=${item.state}>
      <span class="name" title=${item.path}>${item.path}</span>
      ${item.state === "running" && html`<span class="amount">${Math.round(item.part * 100)} %</span>`}
      ${item.state === "failed" && html`<span class="why" role="alert">${item.error}</span>
        <${Button} kind="link" words="Try again" onClick=${() => uploadAgain(item.id)} />`}
    </li>`)}</ul>`}
  </section>`;
}
