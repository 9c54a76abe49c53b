/** Files on their way to the own site: a few at a time, with progress, and what failed can be sent again. */
import { asApiError, query, upload } from "./api.js";
import { createStore } from "./store.js";

/**
 * @typedef {{ id: number, path: string, file: File, part: number, state: "waiting" | "running" | "done" | "failed",
 *   error: string }} Upload
 */

const AT_ONCE = 2;

/** @type {import("./store.js").Store<Upload[]>} */
export const uploads = createStore(/** @type {Upload[]} */ ([]));
/** @type {Map<number, () => void>} */
const running = new Map();
let count = 0;

/** @param {number} id @param {Partial<Upload>} change_ */
const change = (id, change_) =>
  uploads.set(uploads.get().map((item) => (item.id === id ? { ...item, ...change_ } : item)));

function next() {
  const item = uploads.get().find(({ state }) => state === "waiting");
  if (!item || running.size >= AT_ONCE) return;
  change(item.id, { state: "running", part: 0, error: "" });
  let shown = 0;
  const { done, cancel } = upload(`/api/files/content?${query({ path: item.path })}`, item.file, (part) => {
    if (part - shown < 0.01 && part < 1) return;
    shown = part;
    change(item.id, { part });
  });
  running.set(item.id, cancel);
  done
    .then(
      () => change(item.id, { state: "done", part: 1 }),
      (error) => change(item.id, { state: "failed", error: asApiError(error).text }),
    )
    .finally(() => {
      running.delete(item.id);
      next();
    });
  next();
}

/** Send files. @param {{ path: string, file: File }[]} files */
export function addUploads(files) {
  const added = files.map((item) => ({
    ...item,
    id: ++count,
    part: 0,
    state: /** @type {Upload["state"]} */ ("waiting"),
    error: "",
  }));
  uploads.set([...uploads.get().filter(({ state }) => state !== "done"), ...added]);
  next();
}

/** Send again what failed. @param {number} id */
export function uploadAgain(id) {
  change(id, { state: "waiting" });
  next();
}

/** Stop what is under way or waiting, and forget the list. */
export function stopUploads() {
  uploads.set([]);
  for (const cancel of running.values()) cancel();
}

/** Files and folders that were dropped, folders with all that is in them. */
/** @param {DataTransfer} data @returns {Promise<{ path: string, file: File }[]>} paths relative to where they were dropped */
export async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...data.files].map((file) => ({ path: file.name, file }));
  const all = await Promise.all(entries.map((entry) => (entry ? walk(entry, "") : [])));
  return all.flat();
}

/** @param {FileSystemEntry} entry @param {string} above @returns {Promise<{ path: string, file: File }[]>} */
async function walk(entry, above) {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [{ path, file: await new Promise((resolve, reject) => file.file(resolve, reject)) }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break; // a reader gives at most a hundred at a time
    found.push(...some);
  }
  return (await Promise.all(found.map((item) => walk(item, `${path}/`)))).flat();
}
