/** The own site: how it is doing, its address to give away, and the way to other people's sites. */
import { attempt, openSite } from "../lib/actions.js";
import { asApiError, query } from "../lib/api.js";
import { peer } from "../lib/data.js";
import { State } from "../lib/header.js";
import { plural } from "../lib/format.js";
import { html, useState } from "../lib/preact.js";
import { href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Button, CopyButton, Icon } from "../lib/ui.js";

export function Site() {
  const me = useStore(peer);
  if (!me) return null;
  return html`<div class="page site">
    <section class="card own" aria-labelledby="own-title">
      <h2 id="own-title">Your site</h2>
      <p class="facts"><${State} /><span class="fact"><${Icon} name="eye" small />${plural(me.visitors, "visitor")} now</span></p>
      <div class="row">
        <${Button} words="Open site" icon="globe" kind="primary" onClick=${() => attempt(() => openSite(me.link))} />
        <a class="button" href=${href("files")}><${Icon} name="folder" small /><span>Files</span></a>
      </div>
    </section>
    <section class="card share" aria-labelledby="share-title">
      <div>
        <h2 id="share-title">Your address</h2>
        <p class="lead">Give it to somebody who has goop2. It stays the same as long as you keep this peer.</p>
        <div class="row address"><code>${me.link}</code><${CopyButton} text=${me.link} words="Copy" label="Copy your address" /></div>
        ${me.public && html`<p class="lead">In any browser, without goop2:</p>
          <div class="row address"><code>${me.site_url}</code><${CopyButton} text=${me.site_url} words="Copy" label="Copy the web address" /></div>`}
      </div>
      <${Code} text=${me.link} />
    </section>
    <${Visit} />
    ${me.addresses.length > 0 && html`<details class="card"><summary>Network addresses (${me.addresses.length})</summary>
      <p class="lead">Where other peers reach this computer.</p>
      <ul class="addresses">${me.addresses.map((address) => html`<li key=${address}><code>${address}</code></li>`)}</ul></details>`}
  </div>`;
}

/** The address as a QR code, for a telephone. @param {{ text: string }} props */
function Code({ text }) {
  const [failed, setFailed] = useState(false);
  if (failed) return null;
  return html`<img class="qr" src=${`/api/qr.svg?${query({ text })}`} width="148" height="148" alt="Your address as a QR code"
    onError=${() => setFailed(true)} />`;
}

/** Opens the site of somebody else. */
function Visit() {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!typed.trim()) {
      setError("Give a peer ID, a goop2: address, or the name of somebody in your list.");
      return;
    }
    setBusy(true);
    try {
      await openSite(typed.trim());
      setError("");
    } catch (thrown) {
      setError(asApiError(thrown).text);
    }
    setBusy(false);
  };
  return html`<section class="card" aria-labelledby="visit-title">
    <h2 id="visit-title">Visit a site</h2>
    <form class="field" onSubmit=${submit} novalidate>
      <label for="visit">Address</label>
      <div class="row"><input id="visit" type="text" value=${typed} maxlength="2000" spellcheck=${false} autocomplete="off" autocapitalize="off"
          placeholder="goop2:12D3…" class=${error ? "wrong" : ""} aria-invalid=${error ? "true" : null} aria-describedby="visit-help"
          onInput=${(/** @type {any} */ event) => (setTyped(event.target.value), setError(""))} />
        <${Button} words="Visit" type="submit" busy=${busy} /></div>
      <p id="visit-help" class=${error ? "hint error" : "hint"} role=${error ? "alert" : null}>
        ${error ? html`<${Icon} name="circle-alert" small />${error}` : "A peer ID, a goop2: address, or the name of somebody in your list."}</p>
    </form>
  </section>`;
}
