/** Who is in a group; its owner can change that here. */
import { attempt } from "../lib/actions.js";
import { peer, people, personOf } from "../lib/data.js";
import { ask, open } from "../lib/dialog.js";
import { nameOf } from "../lib/format.js";
import { kick, setRole, uninvite } from "../lib/groups.js";
import { Menu } from "../lib/menu.js";
import { html, useLayoutEffect, useRef } from "../lib/preact.js";
import { go, href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, Button } from "../lib/ui.js";
import { InvitePeople } from "./group_dialogs.js";

/** @typedef {import("../lib/types").Group} Group */
/** @typedef {import("../lib/types").Member} Member */

/** @param {{ group: Group, onClose: () => void }} props */
export function Members({ group, onClose }) {
  useStore(people);
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => body.current?.focus(), []);
  return html`<div class="side-head"><h2>Members <span class="lead">${group.members.length}</span></h2>
      ${group.hosted && html`<${Button} kind="quiet" icon="user-plus" label="Invite people" onClick=${() => open(InvitePeople, { group })} />`}
      <${Button} kind="quiet" icon="x" label="Close members" onClick=${onClose} /></div>
    <div class="side-body" tabindex="-1" ref=${body}>
      <ul class="members">${group.members.map((member) => html`<${Row} key=${member.peer_id} group=${group} member=${member} />`)}</ul>
      ${group.invited.length > 0 && html`<h3>Invited</h3>
        <ul class="members">${group.invited.map((id) => html`<${Invited} key=${id} group=${group} id=${id} />`)}</ul>`}
    </div>`;
}

/** @param {{ group: Group, member: Member }} props */
function Row({ group, member }) {
  const own = member.peer_id === peer.get()?.peer_id;
  const known = personOf(member.peer_id);
  const name = own ? peer.get()?.name || nameOf(member) : nameOf({ peer_id: member.peer_id, name: known.name || member.name });
  const person = { ...known, name, online: !member.away, reachable: true };
  const words = [own ? "You" : "", member.role === "owner" ? "Owner" : member.role, member.away ? "away" : ""];
  const items = [
    { words: "Write to them", icon: "message-circle", act: () => go(href("people", member.peer_id)) },
    ...(group.hosted
      ? [
          { words: "Change role…", icon: "tag", act: () => askRole(group, member, name) },
          { words: "Remove from group…", icon: "user-minus", danger: true, act: () => askKick(group, member, name) },
        ]
      : []),
  ];
  return html`<li class="member"><${Avatar} person=${person} sign />
    <div class="lines"><b title=${name}>${name}</b><p class="hint">${words.filter(Boolean).join(" · ")}</p></div>
    ${!own && html`<${Menu} label=${`More about ${name}`} items=${items} />`}</li>`;
}

/** @param {{ group: Group, id: string }} props */
function Invited({ group, id }) {
  const person = personOf(id);
  const name = nameOf(person);
  return html`<li class="member"><${Avatar} person=${person} />
    <div class="lines"><b title=${name}>${name}</b><p class="hint">Has not answered yet</p></div>
    <${Button} kind="quiet" icon="x" label=${`Take back the invitation of ${name}`} onClick=${() => attempt(() => uninvite(group.id, id))} /></li>`;
}

/** @param {Group} group @param {Member} member @param {string} name */
function askRole(group, member, name) {
  const wrong = "Write one to 40 characters.";
  ask({
    title: `Change the role of ${name}`,
    text: "Roles say what somebody is in this group, such as “editor” or “viewer”.",
    verb: "Change role",
    field: { label: "Role", value: member.role, most: 40, check: (typed) => (typed ? "" : wrong) },
    act: (typed) => setRole(group.id, member.peer_id, typed),
  });
}

/** @param {Group} group @param {Member} member @param {string} name */
function askKick(group, member, name) {
  ask({
    title: `Remove ${name} from “${group.name}”?`,
    text: "They keep what was said so far, and come back only by a new invitation.",
    verb: "Remove",
    danger: true,
    act: () => kick(group.id, member.peer_id),
  });
}
