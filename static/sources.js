// The start of the console: every source, what it does, and in words what is wrong with it.

import { element, setText } from "./dom.js";
import { clock, duration, since, whole } from "./format.js";
import { pathOf, Regular } from "./server.js";

const EVERY_MS = 2_000;
const BAD = ["failing", "stale", "limited"];
const NO_SOURCES = "There are no sources to show: none is configured, or their channels may not be read.";

export class SourceTable {
  #root; #onNews;
  #reading;
  #status = null;
  #problem = null;
  #rows = new Map();

  constructor(root, { onNews, onDenied }) {
    this.#root = root;
    this.#onNews = onNews;
    this.#reading = new Regular("status", EVERY_MS, {
      take: (body) => {
        [this.#status, this.#problem] = [body, null];
        onNews();
      },
      fail: (message, status) => {
        if (status === 401) onDenied(message);
        this.#problem = message;
        onNews();
      },
    });
  }

  open() {
    this.#reading.now();
  }

  close() {
    this.#reading.stop();
  }

  paint(now) {
    const note = this.#root.querySelector("#sources-note");
    const text = this.#problem ?? (this.#status === null ? "Loading…" : this.#emptiness());
    note.hidden = text === "";
    setText(note, text);
    this.#root.classList.toggle("old", this.#problem !== null);
    if (this.#status === null) return;
    this.#paintTotals();
    const body = this.#root.querySelector("tbody");
    const sources = [...this.#status.sources].sort((a, b) => rank(a) - rank(b));
    const seen = new Set();
    let at = body.firstChild;
    for (const source of sources) {
      const name = `${source.channel}\n${source.source}`;
      seen.add(name);
      if (!this.#rows.has(name)) this.#rows.set(name, make(source));
      const row = this.#rows.get(name);
      write(row, source, now);
      if (row.element === at) at = at.nextSibling;
      else body.insertBefore(row.element, at);
    }
    for (const [name, row] of this.#rows) {
      if (seen.has(name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
    body.parentNode.hidden = sources.length === 0;
    body.parentNode.classList.toggle("without-quota", sources.every((source) => source.quota_left === undefined));
  }

  #emptiness() {
    return this.#status.sources.length === 0 ? NO_SOURCES : "";
  }

  #paintTotals() {
    const { sources, connections, published, loop_lag_p99_ms: lag } = this.#status;
    const bad = sources.filter(({ state }) => BAD.includes(state)).length;
    const texts = {
      "sources-count": `${whole(sources.length)}${bad ? `, ${bad} not ok` : sources.length ? ", all well" : ""}`,
      connections: whole(connections),
      published: whole(published),
      lag: lag === undefined ? "–" : `${lag} ms`,
    };
    for (const [id, text] of Object.entries(texts)) setText(this.#root.querySelector(`#${id}`), text);
  }
}

function rank({ state }) {
  const at = BAD.indexOf(state);
  return at < 0 ? BAD.length : at;
}

function make(source) {
  const row = { element: element("tr"), link: element("a") };
  const title = element("th");
  title.scope = "row";
  setText(row.link, source.source);
  row.link.href = `#/${pathOf(source.channel)}`;
  title.append(row.link);
  const classes = ["state", "words", "", "n", "n", "n", "n", "n", "n", "n"];
  row.cells = classes.map((className) => element("td", className));
  row.element.append(title, ...row.cells);
  return row;
}

function write({ element: line, link, cells }, source, now) {
  const next = Date.parse(source.next_poll ?? "");
  const [state, kind] = [source.state ?? "", source.kind ?? ""];
  cells[0].dataset.state = state;
  line.classList.toggle("is-bad", BAD.includes(state));
  link.title = source.source === source.channel ? source.channel : `${source.source} → ${source.channel}`;
  const polls = source.polls ?? 0;
  const same = source.unchanged ?? 0; // 304s are among them
  const texts = [
    state,
    words(source, now),
    source.source === source.channel ? kind : `${kind} → ${source.channel}`,
    since(source.last_ok, now) || "–",
    Number.isNaN(next) ? "–" : next <= now ? "due" : duration(next - now),
    source.every_s > 0 ? interval(source.every_s) : "–",
    whole(polls),
    polls > 0 ? `${Math.round((100 * same) / polls)} %` : "–",
    whole(source.failures ?? 0),
    source.quota_left === undefined ? "–" : whole(source.quota_left),
  ];
  texts.forEach((text, at) => setText(cells[at], text));
  cells[1].title = texts[1];
}

function interval(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : duration(seconds * 1000);
}

/** What is wrong, and since when; nothing where all is well. */
function words(source, now) {
  const from = source.since ? ` since ${clock(source.since, now)}` : "";
  const many = source.consecutive_errors > 1 ? `, ${source.consecutive_errors} times in a row` : "";
  const error = source.error?.message ?? "";
  const said = {
    failing: `${error || "the last read failed"}${many}${from}`,
    stale: `${error || "not read in time"}${from}`,
    limited: `${error || "the quota is used up"}${from}`,
    waiting: error || "not read yet",
    paused: "read only while somebody needs it",
  }[source.state] ?? "";
  const extra = [
    source.breaker === "open" && "left alone after repeated failures",
    source.held_removals > 0 && `${whole(source.held_removals)} removals held until seen again`,
    source.duplicates > 0 && `${whole(source.duplicates)} duplicate keys`,
  ].filter(Boolean);
  return [said, ...extra].filter(Boolean).join("; ");
}
