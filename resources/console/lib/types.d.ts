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

export interface ChatMessage {
  id: number;
  peer_id: string;
  from_id: string;
  content: string;
  timestamp: number;
  delivery: "sending" | "delivered" | "failed" | "received";
  error: string;
}

export interface Chat {
  peer_id: string;
  unread: number;
  last: ChatMessage | null;
}

/** A message that the server has not confirmed yet; `error` is why it did not get it. */
export interface Pending {
  client_id: string;
  content: string;
  timestamp: number;
  after: number;
  error: string;
}

export interface Conversation {
  messages: ChatMessage[];
  pending: Pending[];
  more: boolean;
  loaded: boolean;
  loading: boolean;
  error: Trouble | null;
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
