/** One setting: its name, its field, and below it the help or what is wrong. */
import { html } from "../lib/preact.js";
import { Button, Choice, Icon } from "../lib/ui.js";
import { limits, shownDefault, shownValue } from "./setting_values.js";

/** @typedef {import("../lib/types").SettingField} SettingField */
/** @typedef {import("./settings.js").Form} Form */

/** @param {{ field: SettingField, form: Form }} props */
export function Field({ field, form }) {
  const id = `set-${field.key}`;
  const typed = form.edits.get(field.key);
  const text = typed ?? shownValue(field);
  const problem = form.problems.get(field.key) ?? "";
  const change = (/** @type {string} */ value) => form.change(field, value);
  const props = { field, id, text, problem, change, edited: typed !== undefined };
  const below = html`<${Below} field=${field} problem=${problem} id=${id} text=${text} change=${change} />`;
  if (field.type === "boolean") {
    return html`<div class=${typed === undefined ? "field" : "field edited"}>
      <label class="check"><input type="checkbox" id=${id} checked=${text === "true"} aria-describedby=${`${id}-help`}
        onChange=${(/** @type {any} */ event) => change(String(event.target.checked))} /><span>${field.title}</span></label>
      <code class="key">${field.key}</code>${below}
    </div>`;
  }
  return html`<div class=${typed === undefined ? "field" : "field edited"}>
    <label for=${id}>${field.title}</label><code class="key">${field.key}</code>
    <${Control} ...${props} />${below}
  </div>`;
}

/** @param {{ field: SettingField, id: string, text: string, problem: string, edited: boolean, change: (value: string) => void }} props */
function Control({ field, id, text, problem, edited, change }) {
  const described = {
    id,
    class: problem ? "wrong" : "",
    "aria-invalid": problem ? "true" : null,
    "aria-describedby": `${id}-help`,
  };
  const shared = { ...described, onInput: (/** @type {any} */ event) => change(event.target.value) };
  if (field.type === "choice") {
    const choices = (field.choices ?? []).map((choice) => [choice, choice || "None"]);
    return html`<${Choice} ...${described} value=${text} choices=${choices} onChange=${change} />`;
  }
  if (field.type === "list") {
    const rows = Math.min(6, Math.max(2, text.split("\n").length));
    return html`<textarea ...${shared} value=${text} rows=${rows} spellcheck=${false} placeholder="One a line"></textarea>`;
  }
  if (field.secret) {
    const removed = edited && text === "";
    const words = removed ? "Will be removed" : field.set ? "Set, not shown. Type to replace it" : "Not set";
    return html`<div class="row"><input ...${shared} type="password" value=${text} placeholder=${words} autocomplete="new-password" />
      ${field.set && !removed && html`<${Button} words="Remove" onClick=${() => change("")} />`}</div>`;
  }
  const mode = field.type === "integer" ? "numeric" : "text";
  return html`<input ...${shared} type="text" inputmode=${mode} value=${text} spellcheck=${false} autocomplete="off"
    class=${`${shared.class} ${field.type === "integer" ? "short" : ""}`} />`;
}

/** @param {{ field: SettingField, problem: string, id: string, text: string, change: (value: string) => void }} props */
function Below({ field, problem, id, text, change }) {
  const standard = shownDefault(field);
  const other = !field.secret && text !== standard;
  const named = field.type === "boolean" ? (standard === "true" ? "on" : "off") : standard.replaceAll("\n", ", ") || "empty";
  return html`<div id=${`${id}-help`} class="below">
    ${problem && html`<p class="hint error" role="alert"><${Icon} name="circle-alert" small />${problem}</p>`}
    <p class="hint">${`${field.help} ${limits(field)} `}
      ${!field.live && html`<span class="later">Takes effect after a restart.</span>`}${" "}
      ${other && html`<${Button} kind="link" words=${`Use the default (${named})`} onClick=${() => change(standard)} />`}</p>
  </div>`;
}
