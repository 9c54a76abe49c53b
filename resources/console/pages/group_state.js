/** How this peer stands to a group: in a sign, in few words, and in all of them. */
import { plural, sentence } from "../lib/format.js";
import { ended } from "../lib/groups.js";
import { html } from "../lib/preact.js";

/** @typedef {import("../lib/types").Group} Group */

const WORDS = {
  hosting: { short: "You host this group", colour: "ok", sign: "on" },
  connected: { short: "Connected", colour: "ok", sign: "on" },
  joining: { short: "Joining…", colour: "", sign: "half" },
  waiting: { short: "Host is away", colour: "attention", sign: "half" },
  full: { short: "The group is full", colour: "attention", sign: "off" },
  refused: { short: "Not let in", colour: "attention", sign: "off" },
  closed: { short: "Closed by its host", colour: "", sign: "off" },
  removed: { short: "You were removed", colour: "", sign: "off" },
};

/** @type {Map<Group["state"], string>} */
const TROUBLE = new Map([
  ["full", "The group is full"],
  ["refused", "The host did not let you in"],
  ["closed", "This group was closed"],
  ["removed", "You were removed from this group"],
]);

/** @param {Group} group */
export const stateWords = (group) => WORDS[group.state];

/** What holds for the room, in its head. @param {Group} group */
export const roomWords = (group) => (group.state === "waiting" ? "Host is away: messages wait" : WORDS[group.state].short);

/** "12 members", or "3 of 12 members" @param {Group} group */
export const countWords = ({ members, max_members }) =>
  max_members > 0 ? `${members.length} of ${plural(max_members, "member")}` : plural(members.length, "member");

/** The banner's words where the group needs the owner to decide: [title, text]. @param {Group} group */
export function troubleWords(group) {
  const title = TROUBLE.get(group.state);
  if (!title) return null;
  const kept = ended(group) ? "What was said stays here until you remove it." : "";
  return [title, [sentence(group.reason), kept].filter(Boolean).join(" ")];
}

/** Why nothing can be written, or "". @param {Group} group */
export function silentWords(group) {
  if (ended(group)) return "Nothing more can be written here.";
  return group.state === "full" || group.state === "refused" ? "You can write here once the host lets you in." : "";
}

/** The group's letter, with the sign of its state. @param {{ group: Group, sign?: boolean }} props */
export function GroupMark({ group, sign = true }) {
  const [letter = "?"] = group.name.trim();
  const { sign: shape } = stateWords(group);
  return html`<span class=${shape === "off" ? "avatar letter off" : "avatar letter"} aria-hidden="true">
    <span>${letter.toLocaleUpperCase()}</span>${sign && html`<i class=${`sign ${shape}`}></i>`}</span>`;
}
