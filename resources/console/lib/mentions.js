/** "@Name" in what people wrote, for the names of a room's members. */

/** @typedef {{ names: Map<string, boolean>, lengths: number[] }} Mentions lower-case names (true: one's own), and their lengths */

const MOST = 50; // in one message; more are noise
const LETTER = /[\p{L}\p{N}_]/u;

/**
 * @param {string[]} others
 * @param {string[]} own the names that mean oneself
 * @returns {Mentions}
 */
export function mentionsOf(others, own) {
  const names = new Map();
  for (const name of others) if (name.trim()) names.set(name.trim().toLocaleLowerCase(), false);
  for (const name of own) if (name.trim()) names.set(name.trim().toLocaleLowerCase(), true);
  const lengths = [...new Set([...names.keys()].map((name) => name.length))].sort((a, b) => b - a);
  return { names, lengths };
}

/**
 * Where the text mentions somebody; the longest name counts.
 * @param {string} text
 * @param {Mentions} mentions
 * @returns {{ at: number, length: number, own: boolean }[]}
 */
export function findMentions(text, { names, lengths }) {
  /** @type {{ at: number, length: number, own: boolean }[]} */
  const found = [];
  const low = text.toLocaleLowerCase();
  let at = low.length === text.length ? text.indexOf("@") : -1; // a letter that grows in lower case would shift all places
  for (let looked = 0; at >= 0 && looked < MOST; looked += 1) {
    const length = LETTER.test(text[at - 1] ?? "") ? undefined : lengths.find((size) => fits(low, at + 1, size, names));
    if (length !== undefined) {
      found.push({ at, length: length + 1, own: names.get(low.slice(at + 1, at + 1 + length)) === true });
    }
    at = text.indexOf("@", at + 1 + (length ?? 0));
  }
  return found;
}

/** @param {string} low @param {number} from @param {number} size @param {Map<string, boolean>} names */
const fits = (low, from, size, names) =>
  names.has(low.slice(from, from + size)) && !LETTER.test(low[from + size] ?? "");
