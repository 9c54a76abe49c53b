/** Changes that events bring while the lists are on their way: they wait, as the lists may be older than they are. */

/** @type {(() => void)[] | null} */
let waiting = null;

/** Begin to hold; false if something is loading already. */
export function hold() {
  if (waiting) return false;
  waiting = [];
  return true;
}

/** The lists are here, or will not come: make the changes that waited. */
export function release() {
  const changes = waiting ?? [];
  waiting = null;
  for (const change of changes) change();
}

/** Make a change now, or once the lists are here. @param {() => void} change */
export function apply(change) {
  if (waiting) waiting.push(change);
  else change();
}

/** @template V @param {import("./store.js").Store<Map<string, V>>} store @param {string} key @param {V | undefined} value */
export function patch(store, key, value) {
  const next = new Map(store.get());
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  store.set(next);
}
