/** The messages of a conversation and the field to write in: what a person's and a room's page share. */
import { attempt } from "../lib/actions.js";
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { useScroll } from "../lib/scroll.js";
import { useStore } from "../lib/store.js";
import { Button, Icon, Loading } from "../lib/ui.js";
import { Composer } from "./composer.js";
import { Messages } from "./messages.js";

/** @typedef {import("../lib/types").Talk} Talk */
/** @typedef {import("../lib/types").Message} Message */
/** @typedef {{ kind: "reply" | "edit", message: Message } | null} Mode what is written: an answer, a correction, or just a message */

/**
 * `first` is shown while there is no message, `above` between the messages and the field.
 * @param {{ talk: Talk, first: unknown, hint?: string, above?: unknown }} props
 */
export function Thread({ talk, first, hint = "", above = null }) {
  const { id, threads } = talk;
  useStore(threads.store);
  const thread = threads.of(id);
  const { messages, pending, more, newer, missed, loaded, loading, error } = thread;
  const [mode, setMode] = useState(/** @type {Mode} */ (null));
  useEffect(() => {
    if (!threads.of(id).loaded) void threads.loadNewest(id);
  }, [id]);
  useReading(talk, loaded);
  const mark = useMark(talk, messages, loaded);

  const free = !loading && !error;
  const view = useScroll(thread, {
    older: () => void (more && free && threads.loadOlder(id)),
    newer: () => void (newer && free && threads.loadNewer(id)),
  });
  const toEnd = async () => {
    if (threads.of(id).newer) await threads.loadNewest(id);
    view.toEnd();
  };
  const send = (/** @type {string} */ content) => {
    const replyTo = mode?.kind === "reply" ? mode.message.id : 0;
    setMode(null);
    mark.forget();
    void toEnd().then(() => threads.send(id, content, replyTo)).then(view.toEnd);
  };
  const last = () => messages.findLast((message) => message.delivery === "delivered" && !message.deleted);
  const editLast = () => {
    const message = newer || !talk.rights ? null : last();
    if (message) setMode({ kind: "edit", message });
  };
  const again = () => (loaded ? (more ? threads.loadOlder(id) : threads.loadNewer(id)) : threads.loadNewest(id));
  const fresh = view.news + missed;
  return html`<div class="scroll" ref=${view.box} tabindex="0" role="log" aria-label="Messages" onScroll=${view.onScroll}>
      <div class=${talk.several ? "log several" : "log"}>
        ${error && html`<div class="older" role="alert"><${Icon} name="circle-alert" small /> ${error.title}
          <${Button} kind="link" words="Load again" onClick=${again} /></div>`}
        ${loading && html`<${Loading} what=${loaded ? "older messages" : "the messages"} />`}
        ${loaded && messages.length + pending.length === 0 && first}
        <${Messages} talk=${talk} thread=${thread} mark=${mark.id} found=${view.found} onMode=${setMode}
          onJump=${(/** @type {number} */ to) => attempt(() => threads.jump(id, to))} />
      </div>
    </div>
    ${(fresh > 0 || newer) && html`<div class="news"><${Button} icon="arrow-down" onClick=${() => void toEnd()}
      words=${fresh === 0 ? "Newest messages" : fresh === 1 ? "1 new message" : `${fresh} new messages`} /></div>`}
    ${above}
    <${Composer} talk=${talk} hint=${hint} mode=${mode} onMode=${setMode} onSend=${send} onUp=${editLast} />`;
}

const isLooking = () => document.hasFocus() && document.visibilityState === "visible";

/** Marks the conversation as read while somebody looks at it. @param {Talk} talk @param {boolean} loaded */
function useReading(talk, loaded) {
  const { id, unread } = talk;
  useEffect(() => {
    const look = () => {
      if (loaded && unread && isLooking()) void talk.markRead();
    };
    look();
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [id, loaded, unread]);
}

/**
 * The first message that was unread when the conversation was opened, or that came while nobody looked.
 * @param {Talk} talk @param {Message[]} messages @param {boolean} loaded
 */
function useMark(talk, messages, loaded) {
  const was = useRef({ id: 0, unread: 0, opened: false });
  const now = was.current;
  if (loaded && talk.unread !== now.unread) {
    if (now.unread === 0 && !(now.opened && isLooking())) now.id = firstUnread(messages, talk.unread);
    now.unread = talk.unread;
  }
  now.opened ||= loaded;
  const forget = () => {
    now.id = 0;
  };
  return { id: now.id, forget };
}

/** @param {Message[]} messages @param {number} unread */
const firstUnread = (messages, unread) =>
  messages.filter(({ delivery }) => delivery === "received").at(-unread)?.id ?? messages[0]?.id ?? 0;
