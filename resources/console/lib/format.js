/** Times, sizes and addresses in the words that are shown. */

const LANGUAGE = "en-GB"; // the app's words are English, so its dates are too
const DAY = 86_400_000;

/** @param {Intl.DateTimeFormatOptions} options */
const formatter = (options) => new Intl.DateTimeFormat(LANGUAGE, options);

const time = formatter({ hour: "2-digit", minute: "2-digit" });
const seconds = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const weekday = formatter({ weekday: "long" });
const shortDate = formatter({ day: "numeric", month: "short" });
const longDate = formatter({ day: "numeric", month: "long" });
const dayAndDate = formatter({ weekday: "long", day: "numeric", month: "long" });
const withYear = formatter({ day: "numeric", month: "long", year: "numeric" });
const shortWithYear = formatter({ day: "numeric", month: "short", year: "numeric" });
const everything = formatter({ dateStyle: "full", timeStyle: "medium" });

/** @param {number} at */
const startOfDay = (at) => new Date(at).setHours(0, 0, 0, 0);

/**
 * How many midnights lie between: 0 is today, 1 yesterday.
 * @param {number} at
 */
const daysAgo = (at) => Math.round((startOfDay(Date.now()) - startOfDay(at)) / DAY);

/** @param {number} at */
const thisYear = (at) => new Date(at).getFullYear() === new Date().getFullYear();

/** 14:32 @param {number} at */
export const clock = (at) => time.format(at);

/** 14:32:07.045, for the log @param {number} at */
export const clockExact = (at) => `${seconds.format(at)}.${String(at % 1000).padStart(3, "0")}`;

/** The whole date and time, for tool tips @param {number} at */
export const exactly = (at) => everything.format(at);

/** As short as a list needs it: 14:32, Yesterday, Monday, 3 Nov @param {number} at */
export function brief(at) {
  const days = daysAgo(at);
  if (days <= 0) return clock(at);
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday.format(at);
  return thisYear(at) ? shortDate.format(at) : shortWithYear.format(at);
}

/** Above the messages of a day @param {number} at */
export function day(at) {
  const days = daysAgo(at);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return thisYear(at) ? dayAndDate.format(at) : withYear.format(at);
}

/** Whether two times lie on the same day @param {number} a @param {number} b */
export const sameDay = (a, b) => startOfDay(a) === startOfDay(b);

/** "today, 09:12", "yesterday, 22:10", "3 November" @param {number} at */
export function ago(at) {
  const days = daysAgo(at);
  if (days <= 0) return `today, ${clock(at)}`;
  if (days === 1) return `yesterday, ${clock(at)}`;
  return thisYear(at) ? longDate.format(at) : withYear.format(at);
}

/** "2.4 MB", in powers of 1000 as file managers count @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "";
  for (unit of units) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** 12D3…BfeSB @param {string} peerId */
export const shortId = (peerId) => (peerId.length > 12 ? `${peerId.slice(0, 4)}…${peerId.slice(-5)}` : peerId);

/** A person's name, else their short peer ID @param {{ peer_id: string, name?: string }} person */
export const nameOf = (person) => person.name?.trim() || shortId(person.peer_id);

/** "1 file", "2 files" @param {number} count @param {string} one */
export const plural = (count, one) => `${count.toLocaleString(LANGUAGE)} ${one}${count === 1 ? "" : "s"}`;

/** Words from the peer as a sentence: "must be even" becomes "Must be even." @param {string} words */
export function sentence(words) {
  const text = words.trim();
  if (!text) return "";
  return text[0]?.toLocaleUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}
