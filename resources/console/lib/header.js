/** The slim header of the console in a browser: whose peer this is, how it is, and the pages. */
import { avatarVersion, chats, peer, unreadTotal } from "./data.js";
import { html } from "./preact.js";
import { href } from "./router.js";
import { useStore } from "./store.js";
import { mode } from "./theme.js";

const TABS = [
  ["site", "Site"],
  ["people", "People"],
  ["files", "Files"],
  ["log", "Log"],
  ["settings", "Settings"],
  ["help", "Help"],
];

const WORDS = {
  stopped: "Stopped",
  starting: "Starting…",
  running: "Running",
  stopping: "Stopping…",
  failed: "Failed",
};

/** The peer's state: shape, colour and words. */
export function State() {
  const me = useStore(peer);
  if (!me) return null;
  const unreachable = me.state === "running" && /not reachable/i.test(me.words);
  const words = [WORDS[me.state], me.state === "running" ? me.words.replace(/^running( · )?/i, "") : ""];
  return html`<span class=${`state ${unreachable ? "unreachable" : me.state}`}>
    <i class="shape" aria-hidden="true"></i>${words.filter(Boolean).join(" · ")}
  </span>`;
}

/** @param {{ page: string }} props */
export function Header({ page }) {
  const me = useStore(peer);
  const now = useStore(mode);
  const version = useStore(avatarVersion);
  useStore(chats);
  const unread = unreadTotal();
  const name = me ? me.name || me.short_id : "goop2";
  return html`<header class="top">
    <div class="who">
      ${me && html`<img class="face" src=${`/api/avatar?mode=${now}&v=${version}`} alt="" width="32" height="32" />`}
      <b title=${name}>${name}</b><${State} />
    </div>
    <nav aria-label="Pages">
      ${TABS.map(
        ([id = "", title]) => html`<a href=${href(id)} aria-current=${id === page ? "page" : null}>${title}
          ${id === "people" && unread > 0 && html`<span class="count">${unread > 99 ? "99+" : unread}<span class="unseen"> unread</span></span>`}
        </a>`,
      )}
    </nav>
  </header>`;
}
