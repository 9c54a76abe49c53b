/** Questions that must be answered first: confirm a loss, give a name, choose people. One at a time. */
import { asApiError } from "./api.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { createStore, useStore } from "./store.js";
import { Button, Icon } from "./ui.js";

/** @typedef {import("./preact.js").ComponentChildren} Children */

/**
 * `verb` is the button's word, `act` does it (with what was typed): while it runs the dialog waits, and if it fails the
 * dialog says why and keeps what was typed.
 * @typedef {{ title: string, text?: string, verb: string, danger?: boolean, act: (typed: string) => Promise<unknown>,
 *   field?: { label: string, value?: string, hint?: string, most?: number, check?: (typed: string) => string } }} Question
 */

/** @typedef {{ view: import("./preact.js").ComponentType<any>, props: object, number: number }} Shown */
const shown = createStore(/** @type {Shown | null} */ (null));
let count = 0;

/** Show a dialog made of `Frame`. @template P @param {import("./preact.js").ComponentType<P>} view @param {P & object} props */
export const open = (view, props) => shown.set({ view, props, number: (count += 1) });

/** Ask. @param {Question} asked */
export const ask = (asked) => open(Ask, { asked });

/** Take the dialog away. */
const close = () => shown.set(null);

/** Where dialogs appear: once in the page. */
export function DialogHost() {
  const now = useStore(shown);
  return now && html`<${now.view} key=${now.number} ...${now.props} />`;
}

/**
 * What a dialog does when its button is pressed: `act`, during which it is busy; then it goes, or says what went wrong.
 * @param {() => Promise<unknown>} act
 */
export function useAct(act) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    if (busy) return;
    setError("");
    setBusy(true);
    try {
      await act();
      close();
    } catch (thrown) {
      setError(asApiError(thrown).text);
      setBusy(false);
    }
  };
  return { error, setError, busy, submit };
}

/**
 * Title, text, whatever is between, the error and the two buttons.
 * @param {{ title: string, text?: string, verb: string, danger?: boolean, busy: boolean, disabled?: boolean, error?: string,
 *   submit: () => void, children?: Children }} props
 */
export function Frame({ title, text = "", verb, danger = false, busy, disabled = false, error = "", submit, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    box.current?.showModal();
    const input = box.current?.querySelector("input");
    if (input) {
      const dot = input.value.lastIndexOf(".");
      input.focus();
      if (input.type === "text") input.setSelectionRange(0, dot > 0 ? dot : input.value.length); // the name, not what kind of file it is
    }
    return () => box.current?.close();
  }, []);
  const leave = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!busy) close();
  };
  return html`<dialog ref=${box} onCancel=${leave} aria-labelledby="dialog-title" aria-describedby=${text ? "dialog-text" : null}>
    <form onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), submit())} novalidate>
      <h2 id="dialog-title">${title}</h2>
      ${text && html`<p id="dialog-text" class="lead">${text}</p>`}
      ${children}
      ${error && html`<${Wrong} error=${error} />`}
      <div class="row end">
        <${Button} words="Cancel" onClick=${leave} disabled=${busy} />
        <${Button} words=${verb} kind=${danger ? "danger" : "primary"} type="submit" busy=${busy} disabled=${disabled} />
      </div>
    </form>
  </dialog>`;
}

/**
 * A field of a dialog, with its error or hint below.
 * @param {{ label: string, value: string, onInput: (typed: string) => void, error?: string, hint?: string, most?: number,
 *   numeric?: boolean }} props
 */
export function DialogField({ label, value, onInput, error = "", hint = "", most = 200, numeric = false }) {
  return html`<label class="field"><span>${label}</span>
    <input type="text" class=${error ? "wrong" : ""} value=${value} maxlength=${most} spellcheck=${false} autocomplete="off"
      inputmode=${numeric ? "numeric" : null} aria-invalid=${error ? "true" : null}
      onInput=${(/** @type {any} */ event) => onInput(event.target.value)} />
    ${error ? html`<${Wrong} error=${error} />` : hint && html`<p class="hint">${hint}</p>`}
  </label>`;
}

/** @param {{ error: string }} props */
const Wrong = ({ error }) => html`<p class="hint error" role="alert"><${Icon} name="circle-alert" small /> ${error}</p>`;

/** @param {{ asked: Question }} props */
function Ask({ asked }) {
  const { field } = asked;
  const [typed, setTyped] = useState(field?.value ?? "");
  const { error, setError, busy, submit } = useAct(() => asked.act(typed.trim()));
  const check = () => {
    const wrong = field?.check?.(typed.trim()) ?? "";
    if (wrong) setError(wrong);
    else void submit();
  };
  return html`<${Frame} title=${asked.title} text=${asked.text} verb=${asked.verb} danger=${asked.danger} busy=${busy}
      error=${field ? "" : error} submit=${check}>
    ${field && html`<${DialogField} label=${field.label} value=${typed} onInput=${setTyped} error=${error} hint=${field.hint}
      most=${field.most} />`}
  <//>`;
}
