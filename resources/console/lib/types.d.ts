/** What the console server answers and announces. Times are Unix milliseconds, 0 when unknown. */

export type Mode = "light" | "dark";

export interface PeerInfo {
  peer_id: string;
  short_id: string;
  name: string;
  link: string;
  state: "stopped" | "starting" | "running" | "stopping" | "failed";
  words: string;
  addresses: string[];
  site_url: string;
  theme: "light" | "dark" | "auto";
  version: string;
  visitors: number;
  restart_needed: string[];
  started_at: number;
  public: boolean;
}

export interface Person {
  peer_id: string;
  name: string;
  email: string;
  avatar_hash: string;
  version: string;
  online: boolean;
  reachable: boolean;
  path: "direct" | "relayed" | "none";
  encrypted: boolean;
  verified: boolean;
  favorite: boolean;
  last_seen: number;
}

/** A line of any conversation; those of rooms have the last four, too. */
export interface Message {
  id: number;
  from_id: string;
  content: string;
  timestamp: number;
  delivery: "sending" | "waiting" | "delivered" | "failed" | "received";
  error: string;
  from_name?: string;
  reply_to?: number;
  edited_at?: number;
  deleted?: boolean;
}

export interface ChatMessage extends Message {
  peer_id: string;
}

export interface RoomMessage extends Required<Message> {
  group_id: string;
}

export interface Chat {
  peer_id: string;
  unread: number;
  last: ChatMessage | null;
}

export interface Room {
  group_id: string;
  unread: number;
  last: RoomMessage | null;
}

export interface Member {
  peer_id: string;
  name: string;
  role: string;
  joined_at: number;
  away: boolean;
}

export interface Group {
  id: string;
  name: string;
  type: string;
  context: string;
  host_id: string;
  host_name: string;
  hosted: boolean;
  state: "hosting" | "connected" | "joining" | "waiting" | "full" | "refused" | "closed" | "removed";
  reason: string;
  role: string;
  default_role: string;
  max_members: number;
  created_at: number;
  members: Member[];
  invited: string[];
}

export interface Invitation {
  group_id: string;
  group_name: string;
  host_id: string;
  host_name: string;
  type: string;
  supported: boolean;
  received_at: number;
}

/** A message that the server has not confirmed yet; `error` is why it did not get it. */
export interface Pending {
  client_id: string;
  content: string;
  reply_to: number;
  timestamp: number;
  after: number;
  error: string;
}

/**
 * What is loaded of a conversation: a run of messages without gaps. `more` says that there are older ones, `newer` that
 * there are newer ones, `missed` how many of those came in meanwhile. `quoted` has what replies quote from elsewhere
 * (null: on its way, or not kept). `target` is the message to bring into sight.
 */
export interface Thread {
  messages: Message[];
  pending: Pending[];
  quoted: Map<number, Message | null>;
  more: boolean;
  newer: boolean;
  missed: number;
  loaded: boolean;
  loading: boolean;
  error: Trouble | null;
  target: { id: number } | null;
}

/** A conversation as its page needs it: with whom, and what can be done with its messages. */
export interface Talk {
  id: string;
  name: string;
  threads: import("./threads.js").Threads;
  unread: number;
  markRead: () => Promise<void>;
  /** Several people write here, so each group of messages carries a name and a picture. */
  several: boolean;
  authorOf: (message: Message) => Person;
  mentions: import("./mentions.js").Mentions | null;
  /** What a message waits for, under it. */
  waits: string;
  retry: (message: Message) => Promise<unknown>;
  /** Take back a message that waits or has failed. */
  cancel: (message: Message) => Promise<unknown>;
  /** Answering, editing and deleting; null where the conversation knows none of it. */
  rights: { edit: (message: Message, content: string) => Promise<unknown>; delete: (message: Message) => void } | null;
  /** Called while somebody writes. */
  typing: () => void;
  /** Why nothing can be written, or "". */
  silent: string;
}

export interface Trouble {
  title: string;
  message: string;
  hint: string;
}

export interface Problem {
  key: string;
  message: string;
  suggestion?: string;
}

export type SettingValue = string | number | boolean | string[];

export interface SettingField {
  key: string;
  title: string;
  help: string;
  type: "string" | "integer" | "boolean" | "choice" | "list";
  choices?: string[];
  min?: number | null;
  max?: number | null;
  default: SettingValue;
  value: SettingValue;
  live: boolean;
  used: boolean;
  secret: boolean;
  advanced: boolean;
  set?: boolean;
}

export interface SettingSection {
  key: string;
  title: string;
  help: string;
  fields: SettingField[];
}

export interface Settings {
  sections: SettingSection[];
  warnings: Problem[];
  path: string;
  restart_needed: string[];
}

export interface FileEntry {
  path: string;
  name: string;
  dir: boolean;
  size: number;
  modified: number;
}

export interface LogLine {
  number: number;
  timestamp: number;
  level: string;
  area: string;
  text: string;
}

export interface Route {
  page: string;
  rest: string[];
}
