/** The groups of this peer: invitations and groups at the left, the chosen group's room at the right. */
import { attempt } from "../lib/actions.js";
import { personOf, reload } from "../lib/data.js";
import { open } from "../lib/dialog.js";
import { brief, exactly, nameOf } from "../lib/format.js";
import { accept, decline, groups, invitations, lately, state } from "../lib/groups.js";
import { useLast } from "../lib/last.js";
import { html, useState } from "../lib/preact.js";
import { go, href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, Button, Count, Empty, Failed, Search, walkRows } from "../lib/ui.js";
import { CreateGroup } from "./group_dialogs.js";
import { Became } from "./people.js";
import { GroupMark, stateWords } from "./group_state.js";
import { Room } from "./room.js";

/** @typedef {import("../lib/types").Group} Group */
/** @typedef {import("../lib/types").Invitation} Invitation */
/** @typedef {import("../lib/types").Room} RoomInfo */

/** What was said last, or why nothing can be. @param {Group} group @param {RoomInfo | undefined} room */
function preview(group, room) {
  if (!["hosting", "connected"].includes(group.state)) return stateWords(group).short;
  const last = room?.last;
  if (!last) return "No messages yet";
  const name = last.delivery === "received" ? last.from_name || nameOf(personOf(last.from_id)) : "You";
  return `${name}: ${last.deleted ? "Message deleted" : last.content.replace(/\s+/g, " ").slice(0, 200)}`;
}

/** @param {{ group: Group, room: RoomInfo | undefined, chosen: boolean, reachable: boolean }} props */
function Row({ group, room, chosen, reachable }) {
  const unread = room?.unread ?? 0;
  return html`<li><a class=${unread ? "person unread" : "person"} href=${href("groups", group.id)} data-group=${group.id}
      aria-current=${chosen ? "true" : null} tabindex=${reachable ? 0 : -1}>
    <${GroupMark} group=${group} />
    <span class="lines">
      <span class="first"><b title=${group.name}>${group.name}</b>
        ${room?.last && html`<time title=${exactly(room.last.timestamp)}>${brief(room.last.timestamp)}</time>`}</span>
      <span class="second"><${Became} delivery=${room?.last?.delivery} /><span class="preview">${preview(group, room)}</span>
        <${Count} number=${unread} /></span>
    </span>
  </a></li>`;
}

/** Somebody asks the owner into a group. @param {{ invitation: Invitation }} props */
function Asked({ invitation: { group_id, group_name, host_id, host_name, supported } }) {
  const [busy, setBusy] = useState(false);
  const host = personOf(host_id);
  const name = nameOf({ peer_id: host_id, name: host.name || host_name });
  const act = async (/** @type {() => Promise<unknown>} */ what) => {
    setBusy(true);
    await attempt(what);
    setBusy(false);
  };
  const enter = async () => {
    await accept(group_id);
    go(href("groups", group_id));
  };
  return html`<li class="asked">
    <${Avatar} person=${host} />
    <div class="lines"><b title=${group_name}>${group_name}</b>
      <p class="hint" title=${host_id}>${supported ? `${name} invites you` : `${name} invites you. It needs a newer version of goop2.`}</p>
      <div class="row">
        ${supported && html`<${Button} words="Accept" kind="primary" busy=${busy} onClick=${() => act(enter)} />`}
        <${Button} words="Decline" busy=${busy} onClick=${() => act(() => decline(group_id))} />
      </div></div>
  </li>`;
}

/** Latest message first. @param {Group[]} list @param {Map<string, RoomInfo>} rooms */
function sorted(list, rooms) {
  const at = (/** @type {Group} */ group) => rooms.get(group.id)?.last?.timestamp ?? group.created_at;
  return list.sort((a, b) => at(b) - at(a) || a.name.localeCompare(b.name));
}

/** @param {{ rest: string[] }} props */
export function Groups({ rest: [chosen = ""] }) {
  const ready = useStore(state);
  const all = [...useStore(groups).values()];
  const asked = [...useStore(invitations).values()].sort((a, b) => b.received_at - a.received_at);
  const rooms = useStore(lately);
  const [typed, setTyped] = useState("");
  useLast("groups", all.some(({ id }) => id === chosen) ? chosen : "");
  if (typeof ready !== "string") return html`<${Failed} error=${ready} retry=${reload} />`;
  const create = () => open(CreateGroup, {});
  if (all.length + asked.length === 0) return html`<${None} create=${create} />`;

  const words = typed.trim().toLocaleLowerCase();
  const meant = all.filter(({ name, host_name }) => `${name}\n${host_name}`.toLocaleLowerCase().includes(words));
  const parts = [
    { title: "Your groups", list: sorted(meant.filter(({ hosted }) => hosted), rooms) },
    { title: "Joined", list: sorted(meant.filter(({ hosted }) => !hosted), rooms) },
  ].filter(({ list }) => list.length > 0);
  const shown = parts.flatMap(({ list }) => list);
  const stop = shown.some(({ id }) => id === chosen) ? chosen : shown[0]?.id;
  const first = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && words && shown[0]) go(href("groups", shown[0].id));
  };
  const group = all.find(({ id }) => id === chosen);
  return html`<div class=${group ? "people chosen" : "people"}>
    <div class="list" onKeyDown=${walkRows}>
      <div class="finder"><${Search} value=${typed} label="Search groups" onInput=${setTyped} onKeyDown=${first} />
        <${Button} kind="quiet" icon="plus" label="New group" onClick=${create} /></div>
      <nav class="rows" aria-label="Groups">
        ${asked.length > 0 && !words && html`<section aria-labelledby="part-asked"><h2 id="part-asked">Invitations</h2>
          <ul>${asked.map((invitation) => html`<${Asked} key=${invitation.group_id} invitation=${invitation} />`)}</ul></section>`}
        ${parts.map(
          ({ title, list }) => html`<section key=${title} aria-labelledby=${`part-${title}`}>
            <h2 id=${`part-${title}`}>${title}</h2>
            <ul>${list.map(
              (item) => html`<${Row} key=${item.id} group=${item} room=${rooms.get(item.id)} chosen=${item.id === chosen}
                reachable=${item.id === stop} />`,
            )}</ul>
          </section>`,
        )}
        ${words && shown.length === 0 && html`<p class="none" role="status">No group here is called “${typed.trim()}”.</p>`}
      </nav>
    </div>
    ${group
      ? html`<${Room} key=${group.id} group=${group} />`
      : html`<div class="nobody"><${Empty} icon="message-circle" title="Choose a group" text="What is said in it appears here.">
          <${Button} words="New group" icon="plus" onClick=${create} /><//></div>`}
  </div>`;
}

/** There is no group yet. @param {{ create: () => void }} props */
function None({ create }) {
  const text = "Make one and invite people, and talk with all of them at once. Invitations from others appear here, too.";
  return html`<${Empty} icon="users" title="No groups yet" text=${text}>
    <${Button} words="New group" icon="plus" kind="primary" onClick=${create} />
  <//>`;
}
