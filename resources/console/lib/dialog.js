/** Questions that must be answered first: confirm a loss, or give a name. One at a time. */
import { asApiError } from "./api.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { createStore, useStore } from "./store.js";
import { Button, Icon } from "./ui.js";

/**
 * `verb` is the button's word, `act` does it (with what was typed): while it runs the dialog waits, and if it fails the
 * dialog says why and keeps what was typed.
 * @typedef {{ title: string, text?: string, verb: string, danger?: boolean, act: (typed: string) => Promise<unknown>,
 *   field?: { label: string, value?: string, hint?: string, check?: (typed: string) => string } }} Question
 */

const question = createStore(/** @type {Question | null} */ (null));

/** Ask. @param {Question} asked */
export const ask = (asked) => question.set(asked);

/** Where questions appear: once in the page. */
export function DialogHost() {
  const asked = useStore(question);
  return asked && html`<${Dialog} key=${asked.title} asked=${asked} />`;
}

/** @param {{ asked: Question }} props */
function Dialog({ asked }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [typed, setTyped] = useState(asked.field?.value ?? "");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    box.current?.showModal();
    const input = box.current?.querySelector("input");
    if (input) {
      const dot = input.value.lastIndexOf(".");
      input.focus();
      input.setSelectionRange(0, dot > 0 ? dot : input.value.length); // the name, not what kind of file it is
    }
    return () => box.current?.close();
  }, []);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const wrong = asked.field?.check?.(typed.trim()) ?? "";
    setError(wrong);
    if (wrong || busy) return;
    setBusy(true);
    try {
      await asked.act(typed.trim());
      question.set(null);
    } catch (thrown) {
      setError(asApiError(thrown).text);
      setBusy(false);
    }
  };
  const leave = () => {
    if (!busy) question.set(null);
  };
  const wait = (/** @type {Event} */ event) => {
    event.preventDefault();
    leave();
  };
  const problem = html`<p class="hint error" role="alert"><${Icon} name="circle-alert" small /> ${error}</p>`;
  return html`<dialog ref=${box} onCancel=${wait} aria-labelledby="dialog-title" aria-describedby="dialog-text">
    <form onSubmit=${submit} novalidate>
      <h2 id="dialog-title">${asked.title}</h2>
      ${asked.text && html`<p id="dialog-text" class="lead">${asked.text}</p>`}
      ${asked.field && html`<label class="field"><span>${asked.field.label}</span>
        <input type="text" class=${error ? "wrong" : ""} value=${typed} maxlength="200" spellcheck=${false}
          aria-invalid=${error ? "true" : null} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
        ${error ? problem : asked.field.hint && html`<p class="hint">${asked.field.hint}</p>`}
      </label>`}
      ${!asked.field && error && problem}
      <div class="row end">
        <${Button} words="Cancel" onClick=${leave} disabled=${busy} />
        <${Button} words=${asked.verb} kind=${asked.danger ? "danger" : "primary"} type="submit" busy=${busy} />
      </div>
    </form>
  </dialog>`;
}
