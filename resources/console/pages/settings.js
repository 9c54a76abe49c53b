/** Every key of goop.json, made from what the peer says about it; changes are saved together. */
import { notify } from "../lib/actions.js";
import { asApiError, get, post } from "../lib/api.js";
import { peer } from "../lib/data.js";
import { plural, sentence } from "../lib/format.js";
import { on } from "../lib/live.js";
import { html, useCallback, useEffect, useMemo, useState } from "../lib/preact.js";
import { embedded } from "../lib/router.js";
import { Banner, Button, Empty, Failed, Loading, Search } from "../lib/ui.js";
import { Field } from "./setting_field.js";
import { Picture } from "./profile.js";
import { parsed, shownValue } from "./setting_values.js";

/** @typedef {import("../lib/types").Settings} SettingsData */
/** @typedef {import("../lib/types").SettingField} SettingField */
/** @typedef {import("../lib/types").SettingSection} SettingSection */
/** @typedef {{ edits: Map<string, string>, problems: Map<string, string>, change: (field: SettingField, typed: string) => void }} Form */

const PROFILE = "profile";

function useSettings() {
  const [data, setData] = useState(/** @type {SettingsData | null} */ (null));
  const [error, setError] = useState(/** @type {import("../lib/api.js").ApiError | null} */ (null));
  const load = useCallback(async () => {
    try {
      setData(await get("/api/settings"));
      setError(null);
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  }, []);
  useEffect(() => {
    void load();
    const stops = [on("settings-changed", load), on("hello", load)];
    return () => stops.forEach((stop) => stop());
  }, [load]);
  return { data, error, load };
}

/** What was typed, what is wrong with it, and how to save it. @param {SettingsData | null} data @param {() => Promise<void>} load */
function useForm(data, load) {
  const [edits, setEdits] = useState(/** @type {Map<string, string>} */ (new Map()));
  const [problems, setProblems] = useState(/** @type {Map<string, string>} */ (new Map()));
  const [busy, setBusy] = useState(false);
  const fields = useMemo(
    () => new Map((data?.sections ?? []).flatMap(({ fields: list }) => list.map((field) => [field.key, field]))),
    [data],
  );
  const change = (/** @type {SettingField} */ field, /** @type {string} */ typed) => {
    const next = new Map(edits);
    if (typed === shownValue(field) && !(field.secret && field.set)) next.delete(field.key);
    else next.set(field.key, typed);
    setEdits(next);
    const left = new Map(problems);
    if (left.delete(field.key)) setProblems(left);
  };
  const reset = () => {
    setEdits(new Map());
    setProblems(new Map());
  };
  const wrong = (/** @type {Map<string, string>} */ found) => {
    setProblems(found);
    const key = [...found.keys()][0];
    if (key) requestAnimationFrame(() => document.getElementById(`set-${key}`)?.focus());
  };
  const save = async () => {
    const bad = new Map();
    /** @type {Record<string, unknown>} */
    const changes = {};
    for (const [key, typed] of edits) {
      const { value, problem } = parsed(/** @type {SettingField} */ (fields.get(key)), typed);
      if (problem) bad.set(key, problem);
      else changes[key] = value;
    }
    if (bad.size) return wrong(bad);
    setBusy(true);
    try {
      const { restart = [] } = await post("/api/settings", { changes });
      await load();
      reset();
      const later = restart.length && !embedded ? ` ${plural(restart.length, "change")} will take effect when the peer is restarted.` : "";
      notify({ kind: "ok", text: `Saved.${later}` });
    } catch (thrown) {
      const error = asApiError(thrown);
      const said = error.problems.map(({ key, message, suggestion }) => [key, [message, suggestion ?? ""].map(sentence).filter(Boolean).join(" ")]);
      if (said.length) wrong(new Map(/** @type {[string, string][]} */ (said)));
      else notify({ kind: "error", text: error.text });
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  return { edits, problems, change, reset, save, busy };
}

/** @param {SettingField} field @param {string} typed */
const found = (field, typed) =>
  [field.title, field.key, field.help].some((text) => text.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase()));

/** The profile first; what has only rare settings last. @param {SettingSection} section */
function rank(section) {
  if (section.key === PROFILE) return 0;
  return section.fields.every(({ advanced }) => advanced) ? 2 : 1;
}

export function Settings() {
  const { data, error, load } = useSettings();
  const form = useForm(data, load);
  const [typed, setTyped] = useState("");
  if (!data) return error ? html`<${Failed} error=${error} retry=${load} />` : html`<${Loading} what="the settings" />`;

  const all = data.sections.flatMap(({ fields }) => fields);
  const used = data.sections
    .map((section) => ({ ...section, fields: section.fields.filter((field) => field.used && found(field, typed)) }))
    .filter(({ fields }) => fields.length > 0)
    .sort((a, b) => rank(a) - rank(b));
  const unused = all.filter((field) => !field.used && found(field, typed));
  const elsewhere = [...form.problems].filter(([key]) => !all.some((field) => field.key === key));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (form.edits.size) void form.save();
  };
  return html`<form class="page settings" onSubmit=${submit} novalidate>
    <aside>
      <${Search} value=${typed} label="Find a setting" onInput=${setTyped} />
      <nav aria-label="Sections">${used.map(({ key, title }) => html`<a href=${`#section-${key}`} onClick=${scrollTo}>${title}</a>`)}
        ${unused.length > 0 && html`<a href="#section-unused" onClick=${scrollTo}>Not used by this version</a>`}</nav>
    </aside>
    <div class="sections">
      ${error && html`<${Banner} kind="error" text=${error.text}><${Button} words="Try again" onClick=${load} /><//>`}
      <${Remarks} data=${data} fields=${all} />
      ${elsewhere.length > 0 && html`<${Banner} kind="error" title="Nothing was saved" text=${elsewhere.map(([key, words]) => `${key}: ${words}`).join(" ")} />`}
      ${used.map((section) => html`<${Section} key=${section.key} section=${section} form=${form} search=${Boolean(typed.trim())} />`)}
      ${unused.length > 0 && html`<${Unused} fields=${unused} />`}
      ${used.length + unused.length === 0 && html`<${Empty} icon="search" title="No such setting" text="Search for another word, or for a part of its key." />`}
      <p class="where">These settings are kept in <code>${data.path}</code></p>
    </div>
    ${form.edits.size > 0 && html`<div class="save" role="region" aria-label="Unsaved changes">
      <span>${plural(form.edits.size, "unsaved change")}</span>
      <${Button} words="Discard" onClick=${form.reset} disabled=${form.busy} />
      <${Button} words="Save" kind="primary" type="submit" busy=${form.busy} />
    </div>`}
  </form>`;
}

/** The hash belongs to the router. @param {MouseEvent} event */
function scrollTo(event) {
  event.preventDefault();
  const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  const section = document.getElementById(link.hash.slice(1));
  section?.scrollIntoView({ block: "start" });
  section?.focus({ preventScroll: true });
}

/** What is odd in goop.json, and what waits for a restart (the desktop says that itself, with a button). @param {{ data: SettingsData, fields: SettingField[] }} props */
function Remarks({ data, fields }) {
  const titles = data.restart_needed.map((key) => fields.find((field) => field.key === key)?.title ?? key);
  return html`
    ${titles.length > 0 && !embedded && html`<${Banner} kind="attention" title="The peer needs a restart" text=${`Stop it and start it again, so that it uses what you changed: ${titles.join(", ")}.`} />`}
    ${data.warnings.length > 0 && html`<${Banner} kind="attention" title="goop.json has something that goop2 does not know"
      text=${data.warnings.map(({ key, message, suggestion }) => html`<span class="remark"><code>${key}</code> ${message}. ${sentence(suggestion ?? "")}</span>`)} />`}`;
}

/** @param {{ section: SettingSection, form: Form, search: boolean }} props */
function Section({ section, form, search }) {
  const plain = section.fields.filter(({ advanced }) => !advanced);
  const more = section.fields.filter(({ advanced }) => advanced);
  const [open, setOpen] = useState(false);
  const must = search || more.some(({ key }) => form.problems.has(key));
  const field = (/** @type {SettingField} */ item) => html`<${Field} key=${item.key} field=${item} form=${form} />`;
  return html`<section class="section" id=${`section-${section.key}`} tabindex="-1" aria-label=${section.title}>
    <h2>${section.title}</h2>
    ${section.help && html`<p class="lead">${section.help}</p>`}
    ${section.key === PROFILE && !search && html`<${Picture} />`}
    ${plain.map(field)}
    ${section.key === PROFILE && !search && html`<p class="where">Your peer ID is <code>${peer.get()?.peer_id}</code></p>`}
    ${more.length > 0 && html`<details open=${open || must} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}>
      <summary>Advanced (${more.length})</summary>${more.map(field)}
    </details>`}
  </section>`;
}

/** Keys that are read, checked and kept, but do nothing yet. @param {{ fields: SettingField[] }} props */
function Unused({ fields }) {
  return html`<section class="section" id="section-unused" tabindex="-1" aria-label="Not used by this version">
    <h2>Not used by this version</h2>
    <p class="lead">These keys are checked and kept for programs that use them. They change nothing here.</p>
    <table class="unused"><thead><tr><th scope="col">Key</th><th scope="col">Value</th></tr></thead>
      <tbody>${fields.map((field) => html`<tr><td title=${field.help}><code>${field.key}</code></td>
        <td>${field.secret ? (field.set ? "Set, not shown" : "Not set") : shownValue(field).replaceAll("\n", ", ") || "Empty"}</td></tr>`)}</tbody>
    </table>
  </section>`;
}
