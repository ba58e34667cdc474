// The list of channels: asked for every two seconds, painted into rows that are kept.

import { element, setText } from "./dom.js";
import { clock, since, whole } from "./format.js";
import { NO_CHANNELS, pathOf, Regular } from "./server.js";

const EVERY_MS = 2_000;
const RATE_MS = 10_000; // changes per second, over so long

export class ChannelList {
  channels = [];
  /** ms by which the server's clock is ahead of ours, where that matters. */
  skew = 0;
  #root; #onNews; #onDenied;
  #reading;
  #rows = new Map();
  #rates = new Map(); // name → Rate
  #problem = null;
  /** When the server was last heard, in ms of the page; 0: not yet. */
  answeredAt = 0;
  #seen = null; // the chosen channel that was scrolled to

  constructor(root, { onNews, onDenied }) {
    this.#root = root;
    this.#onNews = onNews;
    this.#onDenied = onDenied;
    this.#reading = new Regular("channels", EVERY_MS, {
      take: (body, skew_ms) => this.#take(body, skew_ms),
      fail: (message, status) => this.#fail(message, status),
    });
    root.querySelector("#filter").addEventListener("input", onNews);
  }

  get filter() {
    return this.#root.querySelector("#filter").value.trim().toLowerCase();
  }

  find(name) {
    return this.channels.find((channel) => channel.name === name);
  }

  /** Asks now, and again and again while the page is seen. */
  refresh() {
    return this.#reading.now();
  }

  #take({ channels }, skew_ms) {
    this.channels = channels.filter((channel) => typeof channel?.name === "string");
    this.skew = skew_ms;
    this.answeredAt = performance.now();
    this.#problem = null;
    const now = performance.now();
    for (const { name, changes } of this.channels) {
      if (!this.#rates.has(name)) this.#rates.set(name, new Rate(RATE_MS));
      this.#rates.get(name).take(now, changes);
    }
    this.#onNews();
  }

  #fail(message, status) {
    if (status === 401) this.#onDenied(message);
    this.#problem = message;
    this.#onNews();
  }

  paint(chosen, now) {
    const { filter } = this;
    const shown = this.channels.filter(({ name, state }) => name.toLowerCase().includes(filter) || state === filter);
    const note = this.#root.querySelector("#list-note");
    const text = this.#problem ?? this.#emptiness(shown);
    note.hidden = text === "";
    setText(note, text);
    this.#root.classList.toggle("old", this.#problem !== null);
    const body = this.#root.querySelector("tbody");
    const names = new Set(shown.map(({ name }) => name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
    let at = body.firstChild;
    for (const channel of shown) {
      const row = this.#rows.get(channel.name) ?? this.#make(channel.name);
      write(row, channel, { isChosen: chosen === channel.name, rate: this.#rates.get(channel.name), now });
      if (row.element === at) at = at.nextSibling;
      else body.insertBefore(row.element, at);
    }
    if (chosen !== this.#seen && this.#rows.has(chosen)) {
      this.#rows.get(chosen).element.scrollIntoView({ block: "nearest" });
      this.#seen = chosen;
    }
  }

  #emptiness(shown) {
    if (this.answeredAt === 0) return "Loading…";
    if (this.channels.length === 0) return NO_CHANNELS;
    return shown.length === 0 ? `No channel has “${this.filter}” in its name, or this state.` : "";
  }

  #make(name) {
    const row = { element: element("tr"), link: element("a") };
    const title = element("th");
    title.scope = "row";
    row.link.href = `#/${pathOf(name)}`;
    row.link.textContent = row.link.title = name;
    title.append(row.link);
    row.cells = ["state", "n", "n", "n", "n"].map((className) => element("td", className));
    row.element.append(title, ...row.cells);
    this.#rows.set(name, row);
    return row;
  }
}

/** How fast a counter grows, over the last while. */
export class Rate {
  #span_ms;
  #points = []; // [at, count], oldest first

  constructor(span_ms) {
    this.#span_ms = span_ms;
  }

  take(at, count) {
    if (typeof count !== "number") return;
    if (this.#points.length > 0 && count < this.#points.at(-1)[1]) this.#points = []; // it began anew
    this.#points.push([at, count]);
    while (this.#points.length > 2 && at - this.#points[0][0] > this.#span_ms) this.#points.shift();
  }

  /** Per second; null before there are two readings. */
  get value() {
    if (this.#points.length < 2) return null;
    const [[from, before], [to, after]] = [this.#points[0], this.#points.at(-1)];
    return to > from ? ((after - before) * 1000) / (to - from) : null;
  }
}

/** Words for the top of the page. */
export function summary(channels) {
  const bad = channels.filter(({ state }) => ["stale", "failing", "limited"].includes(state)).length;
  const listeners = channels.reduce((sum, { subscribers }) => sum + (subscribers ?? 0), 0);
  const count = `${whole(channels.length)} ${channels.length === 1 ? "channel" : "channels"}`;
  return `${count} · ${whole(listeners)} subscribed${bad ? ` · ${bad} not ok` : ""}`;
}

function write({ link, cells }, channel, { isChosen, rate, now }) {
  if (isChosen) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  const pattern = channel.name.includes("{");
  const state = pattern ? "pattern" : channel.state ?? "";
  cells[0].dataset.state = state;
  const texts = [
    pattern ? channel.kind ?? "pattern" : state,
    pattern ? "" : whole(channel.count ?? 0),
    pattern ? "" : rateText(rate?.value ?? null),
    pattern ? "" : since(channel.as_of, now) || "–",
    pattern && !channel.subscribers ? "" : whole(channel.subscribers ?? 0),
  ];
  texts.forEach((text, at) => setText(cells[at], text));
  const read = clock(channel.as_of, now);
  link.title = [channel.name, channel.kind, read && `read ${read}`].filter(Boolean).join(" · ");
}

function rateText(value) {
  if (value === null) return "–";
  if (value === 0) return "0";
  return value < 0.1 ? "<0.1" : value.toFixed(value < 100 ? 1 : 0);
}
