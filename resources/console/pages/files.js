/** The own site's files: what visitors get. */
import { attempt, openSite } from "../lib/actions.js";
import { asApiError, get, post, query, remove } from "../lib/api.js";
import { peer } from "../lib/data.js";
import { ask } from "../lib/dialog.js";
import { ago, exactly, plural, size } from "../lib/format.js";
import { on } from "../lib/live.js";
import { Menu } from "../lib/menu.js";
import { html, useCallback, useEffect, useRef, useState } from "../lib/preact.js";
import { href } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Banner, Button, Empty, Failed, Icon, Loading } from "../lib/ui.js";
import { addUploads, dropped } from "../lib/uploads.js";
import { Uploads } from "./upload_list.js";

/** @typedef {import("../lib/types").FileEntry} FileEntry */
/** @typedef {{ entries: FileEntry[], root: string }} Folder */

const KINDS = [
  [/\.(png|jpe?g|gif|webp|svg|ico|bmp|avif)$/i, "file-image"],
  [/\.(html?|css|m?js|json|lua|xml)$/i, "file-code"],
  [/\.(txt|md|csv|pdf|odt)$/i, "file-text"],
];

/** @param {FileEntry} entry */
const iconOf = (entry) =>
  entry.dir ? "folder" : String(KINDS.find(([pattern]) => /** @type {RegExp} */ (pattern).test(entry.name))?.[1] ?? "file");

/** What the folder holds, kept up to date. @param {string} path */
function useFolder(path) {
  const [folder, setFolder] = useState(/** @type {Folder | null} */ (null));
  const [error, setError] = useState(/** @type {import("../lib/api.js").ApiError | null} */ (null));
  const load = useCallback(async () => {
    try {
      setFolder(await get(`/api/files?${query({ path })}`));
      setError(null);
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  }, [path]);
  useEffect(() => {
    /** @type {number | undefined} */
    let timer;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void load(), 150); // an upload of many files is one change
    };
    void load();
    const stops = [on("site-changed", soon), on("hello", soon)];
    return () => {
      clearTimeout(timer);
      stops.forEach((stop) => stop());
    };
  }, [load]);
  return { folder, error, load };
}

/** @param {{ rest: string[] }} props */
export function Files({ rest }) {
  const path = rest.join("/");
  const { folder, error, load } = useFolder(path);
  const [over, setOver] = useState(0);
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const above = path ? `${path}/` : "";

  const take = (/** @type {{ path: string, file: File }[]} */ files) => offer(files, above, folder?.entries ?? []);
  const drag = {
    onDragEnter: (/** @type {DragEvent} */ event) => hasFiles(event) && setOver((count) => count + 1),
    onDragLeave: (/** @type {DragEvent} */ event) => hasFiles(event) && setOver((count) => Math.max(0, count - 1)),
    onDragOver: (/** @type {DragEvent} */ event) => hasFiles(event) && event.preventDefault(),
    onDrop: (/** @type {DragEvent} */ event) => {
      setOver(0);
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      const found = dropped(event.dataTransfer);
      void attempt(async () => take(await found));
    },
  };
  const pick = (/** @type {any} */ event) => {
    take([...event.target.files].map((file) => ({ path: file.name, file })));
    Object.assign(event.target, { value: "" }); // the same file can be chosen again
  };
  return html`<div class="page files" ...${drag}>
    <div class="toolbar">
      <${Crumbs} rest=${rest} />
      <div class="tools">
        <${Button} words="New folder" icon="folder-plus" onClick=${() => askFolder(above, load)} />
        <${Button} words="Upload" icon="upload" kind="primary" onClick=${() => picker.current?.click()} />
        <input ref=${picker} type="file" multiple hidden onChange=${pick} aria-label="Files to upload" />
      </div>
    </div>
    ${error && folder && html`<${Banner} kind="error" text=${error.text}><${Button} words="Try again" onClick=${load} /><//>`}
    <div class="body">
      ${!folder && error && html`<${Failed} error=${error} retry=${load} />`}
      ${!folder && !error && html`<${Loading} what="the files" />`}
      ${folder && html`<${Listing} folder=${folder} path=${path} load=${load} />`}
    </div>
    <${Uploads} />
    ${folder && html`<p class="where"><${Icon} name="folder-open" small /><span>On this computer:</span>
      <code>${[folder.root, path].filter(Boolean).join("/")}</code></p>`}
    ${over > 0 && html`<div class="drop"><span><${Icon} name="upload" /> Drop to upload${path ? ` to “${rest.at(-1)}”` : ""}</span></div>`}
  </div>`;
}

/** @param {DragEvent} event */
const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;

/** Upload, but ask first if something would be replaced. @param {{ path: string, file: File }[]} files @param {string} above @param {FileEntry[]} entries */
function offer(files, above, entries) {
  const start = () => addUploads(files.map(({ path, file }) => ({ path: above + path, file })));
  const tops = new Set(files.map(({ path }) => path.split("/", 1)[0]));
  const there = entries.filter(({ name }) => tops.has(name));
  const first = there[0];
  if (!first) {
    start();
    return;
  }
  const title = there.length === 1 ? `Replace “${first.name}”?` : `Replace ${plural(there.length, "item")}?`;
  const text = first.dir
    ? "Files of the same name in the folder are overwritten. The others in it stay."
    : "What is there now is overwritten, and visitors get the new content at once.";
  ask({ title, text, verb: "Replace", danger: true, act: async () => start() });
}

/** Where we are; every part leads there. @param {{ rest: string[] }} props */
function Crumbs({ rest }) {
  const all = ["Site", ...rest];
  return html`<nav class="crumbs" aria-label="Folder"><ol>
    ${all.map((name, index) => {
      const last = index === all.length - 1;
      return html`<li key=${index}>${index > 0 && html`<${Icon} name="chevron-right" small />`}
        <a href=${href("files", ...rest.slice(0, index))} aria-current=${last ? "page" : null} title=${name}>${name}</a></li>`;
    })}
  </ol></nav>`;
}

/** @param {{ folder: Folder, path: string, load: () => void }} props */
function Listing({ folder, path, load }) {
  const me = useStore(peer);
  const link = me?.link ?? "";
  if (folder.entries.length === 0) {
    const text = path
      ? "Drop files here, or upload them."
      : "Drop files here, or upload them. Visitors see index.html first.";
    return html`<${Empty} icon="folder-open" title=${path ? "This folder is empty" : "Your site is empty"} text=${text} />`;
  }
  const noStart = !path && !folder.entries.some(({ name, dir }) => !dir && name === "index.html");
  return html`
    ${noStart && html`<${Banner} kind="attention" title="Visitors see no start page"
      text="There is no index.html here. Upload one, or give a page that name." />`}
    <table class="listing">
      <thead><tr><th scope="col">Name</th><th scope="col" class="size">Size</th><th scope="col" class="when">Changed</th>
        <th scope="col"><span class="unseen">Actions</span></th></tr></thead>
      <tbody>${folder.entries.map((entry) => html`<${Entry} key=${entry.path} entry=${entry} link=${link} load=${load} entries=${folder.entries} />`)}</tbody>
    </table>`;
}

/** @param {{ entry: FileEntry, link: string, load: () => void, entries: FileEntry[] }} props */
function Entry({ entry, link, load, entries }) {
  const open = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(() => openSite(`${link}/${entry.path.split("/").map(encodeURIComponent).join("/")}`));
  };
  const content = `/api/files/content?${query({ path: entry.path })}`;
  const items = [
    ...(entry.dir ? [] : [{ words: "Download", icon: "download", act: () => download(content, entry.name) }]),
    { words: "Rename…", icon: "pencil", act: () => askRename(entry, entries, load) },
    { words: "Delete…", icon: "trash-2", danger: true, act: () => askDelete(entry, load) },
  ];
  return html`<tr>
    <td><a class="entry" href=${entry.dir ? href("files", ...entry.path.split("/")) : content} onClick=${entry.dir ? null : open}
      title=${entry.name}><${Icon} name=${iconOf(entry)} /><span>${entry.name}</span></a></td>
    <td class="size">${entry.dir ? "" : size(entry.size)}</td>
    <td class="when" title=${exactly(entry.modified)}>${ago(entry.modified)}</td>
    <td class="act"><${Menu} label=${`Actions for ${entry.name}`} items=${items} /></td>
  </tr>`;
}

/** @param {string} address @param {string} name */
function download(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

/** @param {string} name @param {string[]} taken */
function wrongName(name, taken) {
  if (!name) return "Give it a name.";
  if (name.includes("/") || name === "." || name === "..") return "A name has no “/” and is not “.” or “..”.";
  return taken.includes(name) ? "Something here has that name already. Choose another." : "";
}

/** @param {string} above @param {() => void} load */
function askFolder(above, load) {
  ask({
    title: "New folder",
    verb: "Create folder",
    field: { label: "Name", hint: "It becomes part of the address of what is in it.", check: (name) => wrongName(name, []) },
    act: (name) => post("/api/files/mkdir", { path: above + name }).then(load),
  });
}

/** @param {FileEntry} entry @param {FileEntry[]} entries @param {() => void} load */
function askRename(entry, entries, load) {
  const above = entry.path.slice(0, entry.path.length - entry.name.length);
  const taken = entries.map(({ name }) => name).filter((name) => name !== entry.name);
  ask({
    title: `Rename “${entry.name}”`,
    text: "Links to the old name stop working.",
    verb: "Rename",
    field: { label: "New name", value: entry.name, check: (name) => wrongName(name, taken) },
    act: async (name) => {
      if (name !== entry.name) await post("/api/files/rename", { path: entry.path, to: above + name });
      load();
    },
  });
}

/** @param {FileEntry} entry @param {() => void} load */
function askDelete(entry, load) {
  const what = entry.dir ? "The folder and everything in it are" : `The file (${size(entry.size)}) is`;
  ask({
    title: `Delete “${entry.name}”?`,
    text: `${what} deleted from this computer, and visitors no longer find ${entry.dir ? "them" : "it"}. This cannot be undone.`,
    verb: "Delete",
    danger: true,
    act: () => remove(`/api/files?${query({ path: entry.path, ...(entry.dir ? { recursive: 1 } : {}) })}`).then(load),
  });
}
