/** The dialogs of groups: make one, change it, invite people. */
import { notify } from "../lib/actions.js";
import { matches, peer, people } from "../lib/data.js";
import { DialogField, Frame, useAct } from "../lib/dialog.js";
import { nameOf, plural } from "../lib/format.js";
import { change, create, invite } from "../lib/groups.js";
import { html, useState } from "../lib/preact.js";
import { go, href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Avatar, Icon } from "../lib/ui.js";

/** @typedef {import("../lib/types").Group} Group */
/** @typedef {import("../lib/types").Person} Person */

const LONGEST_NAME = 100;
const MOST_MEMBERS = 500;
const MOST_AT_ONCE = 50; // people invited in one go

/** @param {string} typed "" means no limit @returns {number} NaN for what is no number of members */
function limitOf(typed) {
  if (!typed.trim()) return 0;
  const number = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : NaN;
  return number >= 2 && number <= MOST_MEMBERS ? number : NaN;
}

/**
 * Name and limit, as a new group and an existing one have them.
 * @param {{ title: string, text?: string, verb: string, group?: Group, act: (name: string, most: number) => Promise<unknown> }} props
 */
function GroupForm({ title, text = "", verb, group, act }) {
  const [name, setName] = useState(group?.name ?? "");
  const [most, setMost] = useState(group?.max_members ? String(group.max_members) : "");
  const [wrong, setWrong] = useState({ name: "", most: "" });
  const { error, busy, submit } = useAct(() => act(name.trim(), limitOf(most)));
  const check = () => {
    const found = {
      name: name.trim() ? "" : "Give the group a name.",
      most: Number.isNaN(limitOf(most)) ? `Write a number from 2 to ${MOST_MEMBERS}, or nothing for no limit.` : "",
    };
    setWrong(found);
    if (!found.name && !found.most) void submit();
  };
  return html`<${Frame} title=${title} text=${text} verb=${verb} busy=${busy} error=${error} submit=${check}>
    <${DialogField} label="Name" value=${name} onInput=${setName} error=${wrong.name} most=${LONGEST_NAME} hint="Everybody in the group sees it." />
    <${DialogField} label="Member limit" value=${most} onInput=${setMost} error=${wrong.most} most=${4} numeric hint="Leave it empty for no limit." />
  <//>`;
}

/** A new group, and on to its room. */
export function CreateGroup() {
  const act = async (/** @type {string} */ name, /** @type {number} */ most) => {
    const group = await create(name, most);
    go(href("groups", group.id));
  };
  const text = "You host it: it works while this peer runs. Then invite whom you like.";
  return html`<${GroupForm} title="New group" text=${text} verb="Create group" act=${act} />`;
}

/** @param {{ group: Group }} props */
export function EditGroup({ group }) {
  const act = (/** @type {string} */ name, /** @type {number} */ most) => change(group.id, { name, max_members: most });
  return html`<${GroupForm} title="Edit group" verb="Save" group=${group} act=${act} />`;
}

/** Choose people, and invite them all. @param {{ group: Group }} props */
export function InvitePeople({ group }) {
  const known = useStore(people);
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const inside = new Set([...group.members.map(({ peer_id }) => peer_id), ...group.invited, peer.get()?.peer_id]);
  const others = [...known.values()].filter(({ peer_id }) => !inside.has(peer_id));
  const shown = others
    .filter((person) => !typed.trim() || matches(person, typed))
    .sort((a, b) => Number(b.online) - Number(a.online) || nameOf(a).localeCompare(nameOf(b)));
  const { error, busy, submit } = useAct(async () => {
    const { invited } = await invite(group.id, [...chosen]);
    const later = invited.filter(({ state }) => state === "waiting").length;
    const sent = `${plural(invited.length, "invitation")} to “${group.name}”`;
    notify({ kind: "ok", text: later ? `${sent}: ${later} of them will be sent when they are back.` : `${sent} sent.` });
  });
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const full = chosen.size >= MOST_AT_ONCE;
  const text = others.length
    ? "They are asked, and come in when they accept. Who is offline is asked when they are back."
    : "Everybody whom you know is in the group, or was invited. People appear when your peers have met.";
  return html`<${Frame} title=${`Invite people to “${group.name}”`} text=${text} busy=${busy} error=${error} submit=${submit}
      verb=${chosen.size ? `Invite ${chosen.size}` : "Invite"} disabled=${chosen.size === 0}>
    ${others.length > 0 && html`<div class=${others.length > 5 ? "pick tall" : "pick"}>
      <label class="search"><${Icon} name="search" small /><input type="search" value=${typed} placeholder="Search people"
        aria-label="Search people to invite" spellcheck=${false} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && event.preventDefault()} /></label>
      <ul class="members" role="group" aria-label="People">${shown.map(
        (person) => html`<li key=${person.peer_id}><label class="member"><input type="checkbox" checked=${chosen.has(person.peer_id)}
            disabled=${full && !chosen.has(person.peer_id)} onChange=${() => toggle(person.peer_id)} />
          <${Avatar} person=${person} sign /><span class="lines"><b>${nameOf(person)}</b></span></label></li>`,
      )}</ul>
      ${shown.length === 0 && html`<p class="hint" role="status">Nobody here is called “${typed.trim()}”.</p>`}
      ${full && html`<p class="hint">These are ${MOST_AT_ONCE}, the most at once. Invite the others afterwards.</p>`}
    </div>`}
  <//>`;
}
