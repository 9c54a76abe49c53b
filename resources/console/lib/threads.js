/** The messages of the conversations that were opened, those on their way, and what replies quote. */
import { ApiError, asApiError, get, post, query } from "./api.js";
import { createStore } from "./store.js";

/** @typedef {import("./types").Message} Message */
/** @typedef {import("./types").Thread} Thread */
/** @typedef {import("./types").Pending} Pending */

const PAGE = 50;
const LARGEST_PAGE = 200; // that the server gives
const MOST = 400; // messages kept of one conversation, where those beyond can be fetched from both sides

/** @type {Thread} */
const NOTHING = {
  messages: [],
  pending: [],
  quoted: new Map(),
  more: false,
  newer: false,
  missed: 0,
  loaded: false,
  loading: false,
  error: null,
  target: null,
};

/**
 * Both lists as one, by id; where both have a message, that of `newer` counts.
 * @param {Message[]} older
 * @param {Message[]} newer
 */
function merge(older, newer) {
  const all = new Map(older.map((message) => [message.id, message]));
  for (const message of newer) all.set(message.id, message);
  return [...all.values()].sort((a, b) => a.id - b.id);
}

/** The conversations of one kind, each by the id of a person or a group. */
export class Threads {
  /**
   * With `both`, the server gives messages after an id as well as before it.
   * @param {{ path: (id: string) => string, both: boolean }} options
   */
  constructor({ path, both }) {
    this.path = path;
    this.both = both;
    /** @type {import("./store.js").Store<Map<string, Thread>>} */
    this.store = createStore(new Map());
  }

  /** @param {string} id @returns {Thread} */
  of(id) {
    return this.store.get().get(id) ?? NOTHING;
  }

  /** @param {string} id @param {Partial<Thread>} change */
  update(id, change) {
    this.store.set(new Map(this.store.get()).set(id, { ...this.of(id), ...change }));
  }

  /** @param {string} id @param {Record<string, number>} part @returns {Promise<{ messages: Message[], more: boolean }>} */
  page(id, part) {
    return get(`${this.path(id)}?${query({ limit: PAGE, ...part })}`);
  }

  /** Load something into a thread, one thing at a time. @param {string} id @param {() => Promise<Partial<Thread>>} load */
  async fill(id, load) {
    this.update(id, { loading: true, error: null });
    try {
      this.update(id, { ...(await load()), loading: false });
    } catch (error) {
      this.update(id, { loading: false, error: asApiError(error) });
    }
  }

  /** Load the newest messages; what is known already stays if the two meet. @param {string} id */
  async loadNewest(id) {
    if (this.of(id).loading) return;
    await this.fill(id, async () => {
      const before = new Set(this.of(id).messages.map((message) => message.id));
      const limit = this.both ? Math.min(Math.max(this.of(id).messages.length, PAGE), LARGEST_PAGE) : PAGE;
      const { messages, more } = await this.page(id, { before: 0, limit });
      const now = this.of(id);
      const ids = new Set(messages.map((message) => message.id));
      const meet = !now.newer && now.messages.some((message) => ids.has(message.id));
      const first = messages[0]?.id ?? 0;
      const last = messages.at(-1)?.id ?? 0;
      const known = now.messages.filter((message) =>
        message.id > last ? !before.has(message.id) : meet && message.id < first,
      ); // what came meanwhile, and what is older; the rest was taken back if it is not there
      const older = meet && now.loaded ? now.more : more;
      return { messages: merge(messages, known), more: older, newer: false, missed: 0, loaded: true };
    });
  }

  /** Load the messages before the oldest known one. @param {string} id */
  async loadOlder(id) {
    const { messages, loading, more } = this.of(id);
    const oldest = messages[0];
    if (loading || !more || !oldest) return;
    await this.fill(id, async () => {
      const older = await this.page(id, { before: oldest.id });
      if (this.of(id).messages[0]?.id !== oldest.id) return {}; // a jump came between
      const all = merge(older.messages, this.of(id).messages);
      if (!this.both || all.length <= MOST) return { messages: all, more: older.more };
      return { messages: all.slice(0, MOST), more: older.more, newer: true };
    });
  }

  /** Load the messages after the newest known one, after a jump into the past. @param {string} id */
  async loadNewer(id) {
    const { messages, loading, newer } = this.of(id);
    const newest = messages.at(-1);
    if (loading || !newer || !newest) return;
    await this.fill(id, async () => {
      const later = await this.page(id, { after: newest.id });
      if (this.of(id).messages.at(-1)?.id !== newest.id) return {};
      const all = merge(this.of(id).messages, later.messages);
      const rest = { newer: later.more, ...(later.more ? {} : { missed: 0 }) };
      return all.length > MOST ? { ...rest, messages: all.slice(-MOST), more: true } : { ...rest, messages: all };
    });
  }

  /** Bring a message into sight, with what was said around it. @param {string} id @param {number} messageId */
  async jump(id, messageId) {
    if (!this.of(id).messages.some((message) => message.id === messageId)) {
      const [before, after] = await Promise.all([this.page(id, { before: messageId + 1 }), this.page(id, { after: messageId })]);
      if (before.messages.at(-1)?.id !== messageId) {
        throw new ApiError(404, { title: "This message is no longer here", message: "It is not kept on this computer." });
      }
      const messages = merge(before.messages, after.messages);
      this.update(id, { messages, more: before.more, newer: after.more, loaded: true, error: null });
    }
    this.update(id, { target: { id: messageId } });
  }

  /** Fetch what a reply quotes, if it is not among the messages. @param {string} id @param {number} messageId */
  async quote(id, messageId) {
    if (this.of(id).quoted.has(messageId)) return;
    const keep = (/** @type {Message | null} */ found) =>
      this.update(id, { quoted: new Map(this.of(id).quoted).set(messageId, found) });
    keep(null);
    try {
      const found = (await this.page(id, { before: messageId + 1, limit: 1 })).messages.at(-1);
      if (found?.id === messageId) keep(found);
    } catch {
      // the reply shows that the other message is not here
    }
  }

  /** A message came or changed. @param {string} id @param {Message} message */
  put(id, message) {
    if (!this.store.get().has(id)) return;
    const { messages, quoted, more, newer, missed, loaded } = this.of(id);
    if (quoted.has(message.id)) this.update(id, { quoted: new Map(quoted).set(message.id, message) });
    const known = messages.some((other) => other.id === message.id);
    const first = messages[0]?.id ?? 0;
    if (!known && loaded && newer && message.id > (messages.at(-1)?.id ?? 0)) {
      if (message.delivery === "received") this.update(id, { missed: missed + 1 });
    } else if (known || !loaded || !more || message.id > first) {
      const all = merge(messages, [message]);
      const cut = this.both && all.length > MOST + PAGE;
      this.update(id, cut ? { messages: all.slice(-MOST), more: true } : { messages: all });
    }
  }

  /** A message is gone. @param {string} id @param {number} messageId */
  drop(id, messageId) {
    if (this.store.get().has(id)) this.update(id, { messages: this.of(id).messages.filter((message) => message.id !== messageId) });
  }

  /** @param {string} id @param {string} clientId @param {Partial<Pending> | null} change null: it is no longer pending */
  changePending(id, clientId, change) {
    const pending = this.of(id).pending.flatMap((item) => {
      if (item.client_id !== clientId) return [item];
      return change ? [{ ...item, ...change }] : [];
    });
    this.update(id, { pending });
  }

  /** @param {string} id @param {Pending} item */
  async submit(id, { client_id, content, reply_to }) {
    try {
      const message = await post(this.path(id), { content, client_id, ...(reply_to ? { reply_to } : {}) });
      // an event that overtook this answer knows better what became of the message
      if (!this.of(id).messages.some((other) => other.id === message.id)) this.put(id, message);
      this.changePending(id, client_id, null);
    } catch (error) {
      this.changePending(id, client_id, { error: asApiError(error).text });
    }
  }

  /** @param {string} id @param {string} content @param {number} replyTo the id of the message that is answered, or 0 */
  async send(id, content, replyTo = 0) {
    const { messages, pending } = this.of(id);
    const after = messages.at(-1)?.id ?? 0;
    const client_id = crypto.randomUUID();
    const item = { client_id, content, reply_to: replyTo, timestamp: Date.now(), after, error: "" };
    this.update(id, { pending: [...pending, item] });
    await this.submit(id, item);
  }

  /** Hand a message to the server that it did not get; the same client id, so that it cannot go out twice. */
  /** @param {string} id @param {Pending} item */
  async submitAgain(id, item) {
    this.changePending(id, item.client_id, { error: "" });
    await this.submit(id, item);
  }

  /** Forget a message that the server did not get. @param {string} id @param {Pending} item */
  discard(id, item) {
    this.changePending(id, item.client_id, null);
  }

  /** All messages are gone. @param {string} id */
  empty(id) {
    if (this.store.get().has(id)) this.update(id, { ...NOTHING, quoted: new Map(), loaded: true });
  }

  /** The conversation itself is gone. @param {string} id */
  forget(id) {
    const rest = new Map(this.store.get());
    rest.delete(id);
    this.store.set(rest);
  }

  /** After a cut: what happened meanwhile. */
  refresh() {
    for (const [id, { newer }] of this.store.get()) {
      if (!newer) void this.loadNewest(id); // who reads the past keeps it; the way back to the end loads everything
    }
  }
}
