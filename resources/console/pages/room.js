/** One group's room: its state, what is said in it, and at the side its members or what was searched for. */
import { attempt } from "../lib/actions.js";
import { people, peer, personOf } from "../lib/data.js";
import { ask, open } from "../lib/dialog.js";
import { nameOf } from "../lib/format.js";
import { ended, joinAgain, lately, leave, markRoomRead, removeGroup } from "../lib/groups.js";
import { Menu } from "../lib/menu.js";
import { mentionsOf } from "../lib/mentions.js";
import { html, useMemo, useState } from "../lib/preact.js";
import { edit, removeMessage, retryMessage, rooms, sayTyping, writing } from "../lib/rooms.js";
import { go, href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Banner, Button, Icon } from "../lib/ui.js";
import { EditGroup, InvitePeople } from "./group_dialogs.js";
import { countWords, GroupMark, roomWords, silentWords, stateWords, troubleWords } from "./group_state.js";
import { Members } from "./members.js";
import { RoomSearch } from "./room_search.js";
import { Thread } from "./thread.js";

/** @typedef {import("../lib/types").Group} Group */
/** @typedef {import("../lib/types").Message} Message */
/** @typedef {import("../lib/types").Person} Person */

/** @param {{ group: Group }} props */
export function Room({ group }) {
  const [side, setSide] = useState(/** @type {"" | "members" | "search"} */ (""));
  const talk = useTalk(group);
  const toggle = (/** @type {"members" | "search"} */ which) => setSide(side === which ? "" : which);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") setSide("");
  };
  return html`<div class=${side ? "room open" : "room"}>
    <section class="chat" aria-label=${`Room of ${group.name}`}>
      <${Head} group=${group} side=${side} toggle=${toggle} />
      <${Trouble} group=${group} />
      <${Thread} talk=${talk} first=${html`<${First} group=${group} />`} above=${html`<${Writing} group=${group} authorOf=${talk.authorOf} />`} />
    </section>
    ${side && html`<aside class="side" aria-label=${side === "members" ? "Members" : "Search in this group"} onKeyDown=${keys}>
      ${side === "members"
        ? html`<${Members} group=${group} onClose=${() => setSide("")} />`
        : html`<${RoomSearch} talk=${talk} onClose=${() => setSide("")} />`}
    </aside>`}
  </div>`;
}

/** @param {Group} group @returns {import("../lib/types").Talk} */
function useTalk(group) {
  const known = useStore(people);
  const me = useStore(peer);
  const unread = useStore(lately).get(group.id)?.unread ?? 0;
  const names = useMemo(() => new Map(group.members.map(({ peer_id, name }) => [peer_id, name])), [group.members]);
  const mentions = useMemo(() => {
    const others = group.members.map(({ peer_id, name }) => known.get(peer_id)?.name || name);
    return mentionsOf(others, me ? [me.name] : []);
  }, [group.members, known, me?.name]);
  const authorOf = (/** @type {Message} */ { from_id, from_name = "" }) => {
    const person = personOf(from_id);
    return { ...person, name: person.name || names.get(from_id) || from_name };
  };
  const id = group.id;
  return {
    id,
    name: group.name,
    threads: rooms,
    unread,
    markRead: () => markRoomRead(id),
    several: true,
    authorOf,
    mentions,
    waits: "Waits until the host is back",
    retry: (message) => retryMessage(id, message.id),
    cancel: (message) => removeMessage(id, message.id),
    rights: silentWords(group)
      ? null
      : { edit: (message, content) => edit(id, message.id, content), delete: (message) => askDelete(id, message) },
    typing: () => {
      if (group.state === "hosting" || group.state === "connected") sayTyping(id);
    },
    silent: silentWords(group),
  };
}

/** @param {string} groupId @param {Message} message */
function askDelete(groupId, message) {
  ask({
    title: "Delete this message?",
    text: "It is deleted for everybody in the group. This cannot be undone.",
    verb: "Delete message",
    danger: true,
    act: () => removeMessage(groupId, message.id),
  });
}

/** Nothing was said yet. @param {{ group: Group }} props */
function First({ group }) {
  const alone = group.hosted && group.members.length < 2;
  if (silentWords(group)) return html`<div class="quiet-words"><p>There are no messages here.</p></div>`;
  return html`<div class="quiet-words"><b>Nothing was said here yet</b>
    <p>${alone ? "Invite somebody, and talk with everyone in the group at once." : "What you write goes to everyone in the group."}</p>
    ${alone && html`<p class="then"><${Button} words="Invite people" icon="user-plus" onClick=${() => open(InvitePeople, { group })} /></p>`}
  </div>`;
}

/** Who is writing. @param {{ group: Group, authorOf: (message: any) => Person }} props */
function Writing({ group, authorOf }) {
  const here = [...(useStore(writing).get(group.id) ?? new Map())];
  const [a, b] = here.map(([peer_id, name]) => nameOf(authorOf({ from_id: peer_id, from_name: name })));
  const words = ["", `${a} is writing…`, `${a} and ${b} are writing…`][here.length] ?? "Several people are writing…";
  return html`<p class="writing" role="status">${words}</p>`;
}

/** What only the owner can solve: a group that is full, or gone. @param {{ group: Group }} props */
function Trouble({ group }) {
  const words = troubleWords(group);
  if (!words) return null;
  return html`<${Banner} kind="attention" title=${words[0]} text=${words[1]}>
    ${!ended(group) && html`<${Button} words="Try again" icon="rotate-cw" onClick=${() => attempt(() => joinAgain(group.id))} />`}
    <${Button} words="Remove from the list" onClick=${() => askRemove(group)} />
  <//>`;
}

/** @param {{ group: Group, side: string, toggle: (which: "members" | "search") => void }} props */
function Head({ group, side, toggle }) {
  const { colour } = stateWords(group);
  const host = group.hosted ? "" : ` · hosted by ${nameOf({ peer_id: group.host_id, name: personOf(group.host_id).name || group.host_name })}`;
  const members = group.members.length > 0 ? ` · ${countWords(group)}` : "";
  return html`<header class="head">
    <a class="button quiet only-icon back" href=${href("groups")} aria-label="Back to the list"><${Icon} name="arrow-left" /></a>
    <${GroupMark} group=${group} sign=${false} />
    <div class="lines"><h1 title=${group.name}>${group.name}</h1>
      <p class="reach" role="status" title=${group.reason || null}><span class=${colour}>${roomWords(group)}</span>${`${members}${host}`}</p></div>
    <div class="tools">
      <${Button} kind="quiet" icon="search" label="Search in this group" expanded=${side === "search"} onClick=${() => toggle("search")} />
      <${Button} kind="quiet" icon="users" label="Members" expanded=${side === "members"} onClick=${() => toggle("members")} />
      <${Menu} label=${`More about ${group.name}`} items=${actions(group)} />
    </div>
  </header>`;
}

/** @param {Group} group @returns {import("../lib/menu.js").MenuItem[]} */
function actions(group) {
  if (group.hosted) {
    return [
      { words: "Invite people…", icon: "user-plus", act: () => open(InvitePeople, { group }) },
      { words: "Edit group…", icon: "pencil", act: () => open(EditGroup, { group }) },
      { words: "Close group…", icon: "trash-2", danger: true, act: () => askClose(group) },
    ];
  }
  if (ended(group)) return [{ words: "Remove from the list…", icon: "trash-2", danger: true, act: () => askRemove(group) }];
  return [{ words: "Leave group…", icon: "log-out", danger: true, act: () => askLeave(group) }];
}

/** @param {Group} group */
function askClose(group) {
  const others = group.members.length - 1;
  const whom = others > 0 ? `It ends for you and ${others === 1 ? "the other member" : `${others} others`}. ` : "";
  ask({
    title: `Close “${group.name}”?`,
    text: `${whom}What was said is deleted from this computer; the others keep their copy. This cannot be undone.`,
    verb: "Close group",
    danger: true,
    act: () => away(removeGroup(group.id)),
  });
}

/** @param {Group} group */
function askLeave(group) {
  ask({
    title: `Leave “${group.name}”?`,
    text: "What was said in it is deleted from this computer. To come back, you need a new invitation.",
    verb: "Leave group",
    danger: true,
    act: () => away(leave(group.id)),
  });
}

/** @param {Group} group */
function askRemove(group) {
  ask({
    title: `Remove “${group.name}” from the list?`,
    text: "What was said in it is deleted from this computer. This cannot be undone.",
    verb: "Remove",
    danger: true,
    act: () => away(removeGroup(group.id)),
  });
}

/** The group is going: back to the list, if its page is the one that is shown. @param {Promise<unknown>} going */
async function away(going) {
  await going;
  go(href("groups"), true);
}
