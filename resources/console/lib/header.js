/** The slim header of the console in a browser: whose peer this is, how it is, and the pages. */
import { avatarVersion, chats, peer, unreadInChats } from "./data.js";
import { invitations, lately, state, unreadInRooms } from "./groups.js";
import { html } from "./preact.js";
import { href } from "./router.js";
import { useStore } from "./store.js";
import { mode } from "./theme.js";
import { Count } from "./ui.js";

const TABS = [
  ["site", "Site"],
  ["people", "People"],
  ["groups", "Groups"],
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
  const hasGroups = useStore(state) !== "absent";
  useStore(chats);
  useStore(lately);
  const invited = useStore(invitations).size;
  const name = me ? me.name || me.short_id : "goop2";
  return html`<header class="top">
    <div class="who">
      ${me && html`<img class="face" src=${`/api/avatar?mode=${now}&v=${version}`} alt="" width="32" height="32" />`}
      <b title=${name}>${name}</b><${State} />
    </div>
    <nav aria-label="Pages">
      ${TABS.filter(([id]) => id !== "groups" || hasGroups).map(
        ([id = "", title]) => html`<a href=${href(id)} aria-current=${id === page ? "page" : null}>${title}
          ${id === "people" && html`<${Count} number=${unreadInChats()} />`}
          ${id === "groups" && html`<${Count} number=${unreadInRooms() + invited} words="new" />`}
        </a>`,
      )}
    </nav>
  </header>`;
}
