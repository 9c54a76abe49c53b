/** The console: one peer's pages in a browser, or embedded in the desktop's window. */
import { DialogHost } from "./lib/dialog.js";
import { chats, loading, peer, reload, unreadInChats } from "./lib/data.js";
import { lately, state as groupsState, unreadInRooms } from "./lib/groups.js";
import { Header } from "./lib/header.js";
import { connect, connection, sleepWhileHidden } from "./lib/live.js";
import { html, render, useEffect } from "./lib/preact.js";
import { embedded, route } from "./lib/router.js";
import { useStore } from "./lib/store.js";
import { Banner, Button, Failed, Loading, Notices } from "./lib/ui.js";
import { Files } from "./pages/files.js";
import { Groups } from "./pages/groups.js";
import { Help } from "./pages/help.js";
import { Log } from "./pages/log.js";
import { People } from "./pages/people.js";
import { Settings } from "./pages/settings.js";
import { Site } from "./pages/site.js";

/** @type {Record<string, { view: import("./lib/preact.js").ComponentType<any>, title: string }>} */
const PAGES = {
  site: { view: Site, title: "Site" },
  people: { view: People, title: "People" },
  groups: { view: Groups, title: "Groups" },
  files: { view: Files, title: "Files" },
  log: { view: Log, title: "Log" },
  settings: { view: Settings, title: "Settings" },
  help: { view: Help, title: "Help" },
};

/** Says that the stream of events is gone; everything typed stays. */
function Connection() {
  const state = useStore(connection);
  if (state === "lost") {
    const text = "It may have been stopped. The page goes on by itself when the peer is back; what you typed is kept.";
    return html`<${Banner} kind="error" title="This peer does not answer" text=${text}>
      <${Button} words="Try again" icon="rotate-cw" onClick=${connect} />
    <//>`;
  }
  if (state !== "signed-out") return null;
  const text = "Open the console again from goop2, or with the address that goop2 printed when it started.";
  return html`<${Banner} kind="attention" title="This console's link no longer holds" text=${text} />`;
}

function App() {
  const { page, rest } = useStore(route);
  const ready = useStore(loading);
  const me = useStore(peer);
  const noGroups = useStore(groupsState) === "absent" && ready === "ready";
  useStore(chats);
  useStore(lately);
  const { view, title } = (page === "groups" && noGroups ? null : PAGES[page]) ?? { view: People, title: "People" };
  const unread = unreadInChats() + unreadInRooms();
  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ""}${title}${me ? ` · ${me.name || me.short_id}` : ""} · goop2`;
  });
  useEffect(() => dress(me?.theme ?? "auto"), [me?.theme]);
  const failed = ready !== "ready" && ready !== "waiting" ? ready : null;
  return html`<div class=${embedded ? "app embedded" : "app"}>
    ${!embedded && html`<a class="skip" href="#main" onClick=${toMain}>Skip to the page</a><${Header} page=${page} />`}
    <${Connection} />
    <${Notices} />
    <main id="main" tabindex="-1" aria-label=${title}>
      ${failed && html`<${Failed} error=${failed} retry=${reload} />`}
      ${ready === "waiting" && html`<${Loading} what="the page" />`}
      ${ready === "ready" && html`<${view} key=${title} rest=${rest} />`}
    </main>
    <${DialogHost} />
  </div>`;
}

/** Follow the setting `viewer.theme`; the desktop dresses the pages it embeds itself. @param {string} theme */
function dress(theme) {
  if (embedded) return;
  for (const mode of ["light", "dark"]) document.documentElement.classList.toggle(mode, theme === mode);
}

/** The address bar's hash belongs to the router, so the skip link moves the focus itself. @param {Event} event */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

render(html`<${App} />`, document.body);
connect();
if (embedded) sleepWhileHidden();
void reload();
