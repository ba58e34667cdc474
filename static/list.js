// The list of channels: asked for every two seconds, painted into rows that are kept.

import { setText } from "./dom.js";
import { clock, since, whole } from "./format.js";

const EVERY_MS = 2_000;
const LATE_MS = 8_000;

export class ChannelList {
  channels = [];
  /** ms by which the server's clock is ahead of ours, where that matters. */
  skew = 0;
  #root; #base; #token; #onNews; #onDenied;
  #rows = new Map();
  #problem = null;
  #answered = false;
  #timer = null;
  #seen = null; // the chosen channel that was scrolled to

  constructor(root, { base, token, onNews, onDenied }) {
    this.#root = root;
    this.#base = base;
    this.#token = token;
    this.#onNews = onNews;
    this.#onDenied = onDenied;
    root.querySelector("#filter").addEventListener("input", onNews);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
  }

  get filter() {
    return this.#root.querySelector("#filter").value.trim().toLowerCase();
  }

  find(name) {
    return this.channels.find((channel) => channel.name === name);
  }

  /** Asks now, and again and again while the page is seen. */
  async refresh() {
    clearTimeout(this.#timer);
    try {
      await this.#ask();
      this.#problem = null;
    } catch (error) {
      this.#problem = error.name === "Refusal"
        ? error.message : "The server does not answer. Trying again every 2 s.";
    }
    this.#onNews();
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.refresh(), EVERY_MS);
  }

  async #ask() {
    const token = this.#token();
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const signal = AbortSignal.timeout(LATE_MS);
    const answer = await fetch(new URL("channels", this.#base), { headers, signal, cache: "no-store" });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => null);
      const reason = problem?.detail ?? `the server answered ${answer.status}`;
      if (answer.status === 401) this.#onDenied(reason);
      throw Object.assign(new Error(reason), { name: "Refusal" });
    }
    const { channels } = await answer.json();
    this.channels = channels.filter((channel) => typeof channel?.name === "string");
    this.#answered = true;
    const ahead = Date.parse(answer.headers.get("date") ?? "") - Date.now();
    this.skew = Math.abs(ahead) > 2_000 ? ahead : 0;
  }

  paint(chosen, now) {
    const shown = this.channels.filter(({ name }) => name.toLowerCase().includes(this.filter));
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
      write(row, channel, chosen === channel.name, now);
      if (row.element === at) at = at.nextSibling;
      else body.insertBefore(row.element, at);
    }
    if (chosen !== this.#seen && this.#rows.has(chosen)) {
      this.#rows.get(chosen).element.scrollIntoView({ block: "nearest" });
      this.#seen = chosen;
    }
  }

  #emptiness(shown) {
    if (!this.#answered) return "Loading…";
    if (this.channels.length === 0) return "No channels. Add a source to the configuration.";
    return shown.length === 0 ? `No channel with “${this.filter}” in its name.` : "";
  }

  #make(name) {
    const element = document.createElement("tr");
    const title = document.createElement("th");
    const link = document.createElement("a");
    title.scope = "row";
    link.href = `#/${encodeURIComponent(name).replaceAll("%3A", ":")}`;
    link.textContent = link.title = name;
    title.append(link);
    const cells = ["state", "n", "n", "n"].map((className) => {
      return Object.assign(document.createElement("td"), { className });
    });
    element.append(title, ...cells);
    const row = { element, link, cells };
    this.#rows.set(name, row);
    return row;
  }
}

/** Words for the top of the page. */
export function summary(channels) {
  const bad = channels.filter(({ state }) => ["stale", "failing", "limited"].includes(state)).length;
  const listeners = channels.reduce((sum, { subscribers }) => sum + (subscribers ?? 0), 0);
  const count = `${whole(channels.length)} ${channels.length === 1 ? "channel" : "channels"}`;
  return `${count} · ${whole(listeners)} subscribed${bad ? ` · ${bad} not ok` : ""}`;
}

function write({ link, cells }, channel, isChosen, now) {
  if (isChosen) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  const pattern = channel.name.includes("{");
  const state = pattern ? "pattern" : channel.state ?? "";
  cells[0].dataset.state = state;
  const texts = [
    pattern ? channel.kind ?? "pattern" : state,
    pattern ? "" : whole(channel.count ?? 0),
    pattern ? "" : since(channel.as_of, now) || "–",
    pattern && !channel.subscribers ? "" : whole(channel.subscribers ?? 0),
  ];
  texts.forEach((text, at) => setText(cells[at], text));
  const read = clock(channel.as_of, now);
  link.title = [channel.name, channel.kind, read && `read ${read}`].filter(Boolean).join(" · ");
}
