// <stream-news>: a tape of articles in the common shape (docs/config.md), the newest on top.

import { setText } from "../dom.js";
import { isLink } from "../format.js";
import { sorted } from "../stream.js";
import { soon } from "./beat.js";
import { define, StreamElement } from "./element.js";
import { make } from "./make.js";
import { newsLook } from "./newslook.js";
import { moment } from "./text.js";

const MOST_ROWS = 50;
const NEW_MS = 60_000;
const RETRACTED_MS = 10_000; // a headline that was taken back stays so long, struck through
const SUMMED_UP_MS = 16_000;
const CHIPS_MOST = 3;
const SEEN = ["title", "summary", "url", "updated"]; // what must change for "upd"

export class StreamNews extends StreamElement {
  static get observedAttributes() { return [...super.observedAttributes, "filter", "source"]; }
  static get sheets() { return [newsLook]; }
  #feed; #scroll; #pill;
  #rows = new Map(); // key → row, the newest first
  #gone = [];
  #held = new Set(); // came while the reader was further down
  #active = null;

  build() {
    this.#feed = make("div", { class: "rows fresh", role: "feed", "aria-label": this.name, part: "feed" });
    this.#scroll = make("div", { class: "scroll", part: "scroll" }, this.#feed);
    this.#pill = make("button", { class: "pill", part: "pill", type: "button", hidden: "" });
    this.#pill.addEventListener("click", () => this.#toTop());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#held.size > 0 && this.#isAtTop()) soon(this);
    }, { passive: true });
    this.#feed.addEventListener("click", (event) => this.#click(event));
    this.#feed.addEventListener("keydown", (event) => this.#press(event));
    return [this.#scroll, this.#pill];
  }

  reset() {
    this.#feed.replaceChildren();
    this.#rows.clear();
    [this.#gone, this.#active] = [[], null];
    this.#held.clear();
    this.#feed.ariaLabel = this.name;
  }

  show({ all, added, changed, removed }, now) {
    const keys = this.#order();
    if (all) this.#held.clear();
    else this.#strike(keys, removed, now);
    this.shown = keys.length;
    if (!this.#isAtTop()) for (const key of keys) if (added.has(key)) this.#held.add(key);
    if (this.#isAtTop()) this.#place(keys, all, now, new Set([...this.#held, ...added]));
    for (const key of changed) this.#update(key);
    for (const key of this.#held) if (!this.view.items.has(key)) this.#held.delete(key);
    this.#pill.hidden = this.#held.size === 0;
    this.#pill.textContent = `${this.#held.size} new`;
  }

  second() {
    const now = performance.now();
    for (const row of this.#rows.values()) {
      if (row.newAt !== null && now - row.newAt > NEW_MS) this.#badge(row, "", null);
    }
    while (now - this.#gone[0]?.goneAt > RETRACTED_MS) this.#gone.shift().element.remove();
    const { items } = this.view ?? {};
    for (const [key, row] of this.#rows) {
      if (items?.has(key)) setText(row.time, moment(timeOf(items.get(key)), Date.now()));
    }
  }

  summary() {
    const from = performance.now() - SUMMED_UP_MS;
    const fresh = [...this.#rows.values()].filter(({ newAt }) => newAt !== null && newAt > from);
    const first = fresh[0]?.title.textContent;
    return first && `${fresh.length} ${fresh.length === 1 ? "headline" : "headlines"}: ${first}`;
  }

  #order() {
    const keys = sorted(this.view).filter(([, item]) => this.#isAskedFor(item)).map(([key]) => key);
    return (this.view.sort ? keys : keys.reverse()).slice(0, this.max ?? MOST_ROWS);
  }

  #isAskedFor({ title, summary, source }) {
    const words = (this.filter ?? "").toLowerCase().split(/\s+/);
    const text = `${title ?? ""}\n${summary ?? ""}`.toLowerCase();
    return (!this.source || source === this.source) && words.every((word) => text.includes(word));
  }

  #isAtTop() {
    return this.#scroll.scrollTop < 4;
  }

  #place(keys, all, now, fresh) {
    const before = this.#rows;
    this.#rows = new Map();
    let at = this.#feed.firstChild;
    for (const key of keys) {
      const row = before.get(key) ?? this.#makeRow(key);
      if (!before.has(key)) {
        this.#fill(row);
        if (!all && fresh.has(key)) this.#badge(row, "NEW", now);
      } else if (all) this.#fill(row);
      this.#rows.set(key, row);
      before.delete(key);
      while (this.#gone.some(({ element }) => element === at)) at = at.nextSibling;
      if (row.element === at) at = at.nextSibling;
      else this.#feed.insertBefore(row.element, at);
    }
    for (const row of before.values()) row.element.remove();
    if (all) for (const row of this.#gone.splice(0)) row.element.remove();
    this.#held.clear();
    let number = 0;
    for (const { element } of this.#rows.values()) {
      element.ariaPosInSet = String(++number);
      element.ariaSetSize = String(this.#rows.size);
    }
    this.#rove();
  }

  // What ages out of the channel leaves at the old end, and was not taken back.
  #strike(keys, removed, now) {
    const left = new Set(keys);
    let isAged = true;
    for (const [key, row] of [...this.#rows].reverse()) {
      isAged &&= !left.has(key);
      if (!removed.has(key) || this.view.items.has(key)) continue;
      this.#rows.delete(key);
      if (isAged && this.#rows.size > 0) {
        row.element.remove();
        continue;
      }
      row.goneAt = now;
      row.element.classList.add("gone");
      row.element.tabIndex = -1;
      this.#badge(row, "OUT", null);
      this.#gone.push(row);
    }
  }

  #update(key) {
    const row = this.#rows.get(key);
    const item = this.view.items.get(key);
    if (!row || !item) return;
    const isOther = SEEN.some((field) => item[field] !== row.item[field]);
    this.#fill(row);
    if (isOther && row.newAt === null) this.#badge(row, "UPD", null);
  }

  #makeRow(key) {
    const part = (name, kind = "span") => make(kind, { class: name, part: name });
    const row = {
      key, newAt: null, goneAt: null, item: {}, time: part("time", "time"), source: part("source"),
      badge: part("badge"), title: part("headline", "a"), chips: part("tickers"),
    };
    row.title.rel = "noopener noreferrer nofollow";
    row.title.target = "_blank";
    row.element = make("article", { class: "item", part: "item", tabindex: -1 });
    row.element.append(row.time, row.source, row.badge, row.title, row.chips);
    row.element.dataset.key = key;
    return row;
  }

  #fill(row) {
    const item = row.item = this.view.items.get(row.key);
    const title = String(item.title ?? row.key);
    setText(row.time, moment(timeOf(item), Date.now()));
    row.time.title = timeOf(item) ?? "";
    setText(row.source, String(item.source ?? ""));
    setText(row.title, title);
    row.element.ariaLabel = [title, item.source].filter(Boolean).join(", ");
    row.title.title = item.summary ? String(item.summary) : title;
    if (isLink(item.url)) row.title.href = item.url;
    else row.title.removeAttribute("href");
    const symbols = Array.isArray(item.symbols) ? item.symbols.map(String) : [];
    const more = symbols.length > CHIPS_MOST ? [`+${symbols.length - CHIPS_MOST}`] : [];
    const chips = [...symbols.slice(0, CHIPS_MOST), ...more];
    if (row.chips.textContent !== chips.join("")) {
      row.chips.replaceChildren(...chips.map((text) => make("span", { class: "chip", part: "ticker" }, text)));
    }
  }

  #badge(row, text, newAt) {
    row.newAt = newAt;
    setText(row.badge, text);
    row.element.classList.toggle("new", newAt !== null);
    row.badge.dataset.kind = text;
  }

  #toTop() {
    this.#scroll.scrollTop = 0;
    this.refreshHeld();
  }

  /** Shows what came while the reader was further down. */
  refreshHeld() {
    soon(this);
    this.#feed.querySelector(".item")?.focus({ preventScroll: true });
  }

  #rowOf(target) {
    return [...this.#rows.values()].find(({ element }) => element === target.closest(".item"));
  }

  #click(event) {
    const row = this.#rowOf(event.target);
    if (row && !this.#choose(row)) event.preventDefault();
  }

  #choose(row) {
    this.#active = row.key;
    this.#rove();
    return this.send("stream-select", { key: row.key, item: this.view.items.get(row.key) ?? null });
  }

  #press(event) {
    const rows = [...this.#rows.values()];
    const at = rows.findIndex(({ element }) => element === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const [down, up, last] = [at + 1, at - 1, rows.length - 1];
    const to = { ArrowDown: down, PageDown: down, ArrowUp: up, PageUp: up, Home: 0, End: last };
    if (event.key === "Enter") {
      if (rows[at].title.hasAttribute("href")) rows[at].title.click();
      else this.#choose(rows[at]);
    } else if (to[event.key] === undefined) return;
    const next = rows[to[event.key]];
    if (next) this.#active = next.key;
    this.#rove();
    next?.element.focus();
    event.preventDefault();
  }

  #rove() {
    const known = this.#rows.get(this.#active) ?? this.#rows.values().next().value;
    for (const row of this.#rows.values()) row.element.tabIndex = row === known ? 0 : -1;
  }
}

define("stream-news", StreamNews);

function timeOf(item) {
  return item.published ?? item.updated;
}
