/** The own picture, on top of the settings. */
import { attempt } from "../lib/actions.js";
import { put, remove } from "../lib/api.js";
import { avatarVersion } from "../lib/data.js";
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { squareOf } from "../lib/picture.js";
import { useStore } from "../lib/store.js";
import { mode } from "../lib/theme.js";
import { Button } from "../lib/ui.js";

/** The picture, and the way to another. */
export function Picture() {
  const now = useStore(mode);
  const version = useStore(avatarVersion);
  const [own, setOwn] = useState(false);
  const [busy, setBusy] = useState(false);
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const source = `/api/avatar?mode=${now}&v=${version}`;

  useEffect(() => {
    let gone = false;
    const look = async () => {
      const answer = await fetch(source);
      const drawn = answer.headers.get("Content-Type")?.startsWith("image/svg"); // an identicon, made from the peer ID
      if (!gone) setOwn(answer.ok && !drawn);
    };
    look().catch(() => setOwn(false));
    return () => {
      gone = true;
    };
  }, [source]);

  const act = async (/** @type {() => Promise<unknown>} */ what) => {
    setBusy(true);
    if (await attempt(what)) avatarVersion.set(Date.now());
    setBusy(false);
  };
  const pick = (/** @type {any} */ event) => {
    const file = event.target.files[0];
    Object.assign(event.target, { value: "" });
    if (file) void act(async () => put("/api/avatar", await squareOf(file)));
  };
  return html`<div class="picture">
    <img src=${source} width="72" height="72" alt=${own ? "Your picture" : "The pattern made from your peer ID"} />
    <div class="row">
      <${Button} words=${own ? "Change picture" : "Choose a picture"} icon="image-up" busy=${busy} onClick=${() => picker.current?.click()} />
      ${own && html`<${Button} words="Remove" kind="quiet" busy=${busy} onClick=${() => act(() => remove("/api/avatar"))} />`}
      <input ref=${picker} type="file" accept="image/*" hidden onChange=${pick} aria-label="Picture" />
    </div>
  </div>`;
}
