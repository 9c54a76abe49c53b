/** The peer's log as it is written: filter, search, hold still, copy for a bug report. */
import { attempt, copyText, notify } from "../lib/actions.js";
import { asApiError, get, query } from "../lib/api.js";
import { peer } from "../lib/data.js";
import { clockExact, plural } from "../lib/format.js";
import { on } from "../lib/live.js";
import { html, useCallback, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { Button, Choice, Empty, Failed, Loading, Search } from "../lib/ui.js";

/** @typedef {import("../lib/types").LogLine} LogLine */

const MOST = 2000; // lines kept, as many as the peer keeps
const PAGE = 500;
const RANK = /** @type {Record<string, number>} */ ({ DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 });
const LEVELS = /** @type {[string, string][]} */ ([
  ["0", "Everything"],
  ["20", "Information and worse"],
  ["30", "Warnings and errors"],
  ["40", "Errors only"],
]);

/** The lines so far, and those that come; new ones wait while `paused`. @param {boolean} paused */
function useLines(paused) {
  const [lines, setLines] = useState(/** @type {LogLine[] | null} */ (null));
  const [error, setError] = useState(/** @type {import("../lib/api.js").ApiError | null} */ (null));
  const fresh = useRef(/** @type {LogLine[]} */ ([]));
  const [waiting, setWaiting] = useState(0);
  const held = useRef(paused);
  held.current = paused;

  const flush = useCallback(() => {
    setWaiting(fresh.current.length);
    if (held.current || fresh.current.length === 0) return;
    const added = fresh.current.splice(0);
    setWaiting(0);
    setLines((now) => joined(now ?? [], added));
  }, []);
  const load = useCallback(async () => {
    try {
      setError(null);
      fresh.current.push(...(await everything()));
      if (held.current) setLines((now) => now ?? []);
      else setLines((now) => joined(now ?? [], fresh.current.splice(0)));
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  }, []);
  useEffect(() => {
    void load();
    let frame = 0;
    const soon = (/** @type {LogLine} */ line) => {
      fresh.current.push(line);
      if (fresh.current.length > MOST) fresh.current.splice(0, fresh.current.length - MOST);
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(flush);
    };
    const stops = [on("log-written", soon), on("hello", load)];
    return () => {
      cancelAnimationFrame(frame);
      stops.forEach((stop) => stop());
    };
  }, []);
  useEffect(flush, [paused]);
  return { lines, error, load, waiting };
}

/** @returns {Promise<LogLine[]>} */
async function everything() {
  /** @type {LogLine[]} */
  const all = [];
  let after = 0;
  while (all.length <= MOST) {
    const { lines, next } = await get(`/api/log?${query({ after, limit: PAGE })}`);
    all.push(...lines);
    if (lines.length < PAGE || next <= after) break;
    after = next;
  }
  return all;
}

/** @param {LogLine[]} now @param {LogLine[]} added */
function joined(now, added) {
  const byNumber = new Map([...now, ...added].map((line) => [line.number, line]));
  return [...byNumber.values()].sort((a, b) => a.number - b.number).slice(-MOST);
}

/** What a bug report needs: which program, where, and the lines. @param {LogLine[]} lines */
function report(lines) {
  const me = peer.get();
  const head = [
    `goop2 ${me?.version ?? ""}`,
    `peer ${me?.short_id ?? ""}, ${me?.state ?? ""} ${me?.words ?? ""}`,
    `browser ${navigator.userAgent}`,
    `copied ${new Date().toISOString()}`,
  ];
  const rows = lines.map((line) => `${new Date(line.timestamp).toISOString()} ${line.level} ${line.area}: ${line.text}`);
  return [...head, "", ...rows, ""].join("\n");
}

/** @param {LogLine[]} lines @param {number} level @param {string} typed */
function filtered(lines, level, typed) {
  const words = typed.trim().toLocaleLowerCase();
  return lines.filter(
    (line) =>
      (RANK[line.level] ?? 20) >= level &&
      (!words || `${line.level} ${line.area} ${line.text}`.toLocaleLowerCase().includes(words)),
  );
}

export function Log() {
  const [paused, setPaused] = useState(false);
  const [level, setLevel] = useState(0);
  const [typed, setTyped] = useState("");
  const { lines, error, load, waiting } = useLines(paused);
  const shown = filtered(lines ?? [], level, typed);
  const copy = () =>
    attempt(async () => {
      await copyText(report(shown));
      notify({ kind: "ok", text: `Copied ${plural(shown.length, "line")}. Read them before you post them: they name peers and addresses.` });
    });
  return html`<div class="page logs">
    <div class="toolbar">
      <${Choice} aria-label="Which lines" value=${String(level)} choices=${LEVELS} onChange=${(/** @type {string} */ rank) => setLevel(Number(rank))} />
      <${Search} value=${typed} label="Search the log" onInput=${setTyped} />
      <div class="tools">
        <${Button} words=${paused ? (waiting ? `Resume (${waiting})` : "Resume") : "Pause"} icon=${paused ? "play" : "pause"}
          onClick=${() => setPaused(!paused)} />
        <${Button} words="Copy" icon="copy" onClick=${copy} disabled=${shown.length === 0} label="Copy for a bug report" />
      </div>
    </div>
    ${!lines && !error && html`<${Loading} what="the log" />`}
    ${!lines && error && html`<${Failed} error=${error} retry=${load} />`}
    ${lines && shown.length > 0 && html`<${Lines} lines=${shown} paused=${paused} />`}
    ${lines && shown.length === 0 && html`<${Empty} icon="scroll-text" title=${lines.length ? "No line matches" : "Nothing was logged yet"}
      text=${lines.length ? "Show everything, or search for something else." : "What the peer does appears here as it happens."}>
      ${lines.length > 0 && html`<${Button} words="Show everything" onClick=${() => (setLevel(0), setTyped(""))} />`}
    <//>`}
  </div>`;
}

/** @param {{ lines: LogLine[], paused: boolean }} props */
function Lines({ lines, paused }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const end = useRef(true);
  useLayoutEffect(() => {
    if (box.current && end.current && !paused) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, paused]);
  const onScroll = () => {
    const here = box.current;
    if (here) end.current = here.scrollHeight - here.scrollTop - here.clientHeight < 40;
  };
  return html`<div class="lines-box" ref=${box} tabindex="0" role="region" aria-label="Log" onScroll=${onScroll}>
    ${lines.map(
      (line) => html`<div class=${`line ${line.level.toLowerCase()}`} key=${line.number}>
        <time title=${new Date(line.timestamp).toISOString()}>${clockExact(line.timestamp)}</time>
        <span class="level">${line.level.toLowerCase()}</span><span class="area">${line.area}</span><span class="text">${line.text}</span>
      </div>`,
    )}
  </div>`;
}
