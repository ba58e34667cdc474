// <stream-news>: a tape of articles in the common shape (docs/config.md), the newest on top.

import { setText } from "../dom.js";
import { isLink } from "../format.js";
import { sorted } from "../stream.js";
import { define, StreamElement } from "./element.js";
import { later } from "./later.js";
import { lineUp, reachOne } from "./lineup.js";
import { aim, linkLook, newLink } from "./link.js";
import { make, part } from "./make.js";
import { newsLook } from "./newslook.js";
import { newRover } from "./rover.js";
import { moment } from "./text.js";

const MOST_ROWS = 50;
const NEW_MS = 60_000;
const RETRACTED_MS = 10_000; // a headline that was taken back stays so long, struck through
const SUMMED_UP_MS = 16_000;
const CHIPS_MOST = 3;
const SEEN = ["title", "summary", "url", "updated"]; // what must change for "upd"
const BREAKING = "breaking"; // a field that is true, or a tag

export class StreamNews extends StreamElement {
  active = null; // the key of the item that the tabulator reaches
  #feed; #scroll; #pill;
  #rows = new Map(); // key → row, the newest first
  #gone = [];
  #held = new Set(); // came while the reader was further down
  #changesOf = null; // what shows how an item was before, once it is loaded
  #mayCompare = false; // whether that was asked for

  build() {
    this.#feed = part("feed", "div", { class: "fresh", role: "feed" });
    this.#scroll = part("scroll", "div", {}, this.#feed);
    this.#pill = part("pill", "button", { type: "button", hidden: "" });
    this.#pill.addEventListener("click", () => this.#toTop());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#held.size > 0 && this.#isAtTop()) this.soon();
    }, { passive: true });
    const steps = { PageDown: 1, PageUp: -1 };
    const rove = newRover(this, () => this.#rows, (row, event) => this.#pick(row, event), steps);
    this.#feed.addEventListener("focusin", ({ target }) => this.#compare(target.closest(".item")));
    for (const type of ["click", "keydown"]) this.#feed.addEventListener(type, (event) => rove(event, event.target));
    return [this.#scroll, this.#pill];
  }

  reset() {
    this.#feed.replaceChildren();
    this.#rows.clear();
    this.#held.clear();
    this.#gone = [];
    this.active = null;
    this.#feed.ariaLabel = this.name;
  }

  show({ all, added, touched }, now) {
    const keys = this.#order();
    if (all) this.#held.clear();
    else this.#strike(keys, now);
    this.nothing = keys.length === 0 ? "Nothing here matches." : "";
    if (this.#isAtTop()) this.#place(keys, all, now, new Set([...this.#held, ...added]));
    else for (const key of keys) if (added.has(key)) this.#held.add(key);
    for (const key of touched) this.#update(this.#rows.get(key));
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
    this.#rows = new Map(keys.map((key) => [key, before.get(key) ?? this.#newRow(key)]));
    for (const [key, row] of this.#rows) {
      const isKnown = before.delete(key);
      if (all || !isKnown) this.#fill(row);
      if (!all && !isKnown && fresh.has(key)) this.#badge(row, "NEW", now);
    }
    for (const row of before.values()) row.element.remove();
    if (all) for (const row of this.#gone.splice(0)) row.element.remove();
    this.#held.clear();
    lineUp(this.#feed, this.#rows.values());
    [...this.#rows.values()].forEach(({ element }, at) => {
      element.ariaPosInSet = String(at + 1);
      element.ariaSetSize = String(keys.length);
    });
    reachOne(this.#rows, this.active);
  }

  // What ages out of the channel leaves at the old end, and was not taken back.
  #strike(keys, now) {
    const left = new Set(keys);
    let isAged = true;
    for (const [key, row] of [...this.#rows].reverse()) {
      isAged &&= !left.has(key);
      if (this.view.items.has(key)) continue;
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

  #update(row) {
    const item = this.view.items.get(row?.key);
    if (!row || !item) return;
    const { item: before, newAt } = row;
    const others = SEEN.filter((field) => item[field] !== before[field]);
    this.#fill(row);
    if (others.length === 0 || newAt !== null) return;
    this.#badge(row, "UPD", null);
    // Of several updates the reader sees all that became another since the first.
    for (const field of others) row.was[field] ??= before[field] ?? "";
    this.#fetchChanges();
    this.#compare(this.#feed.querySelector(":focus-within"));
  }

  #fetchChanges() {
    if (this.#mayCompare) return;
    this.#mayCompare = true;
    later(() => import("./changes.js"), ({ changesLook, changesOf }) => {
      this.shadowRoot.adoptedStyleSheets.push(changesLook);
      this.#changesOf = changesOf;
      this.#compare(this.#feed.querySelector(":focus-within"));
    });
  }

  // Shown while the item has the focus, and made only then.
  #compare(element) {
    const row = [...this.#rows.values()].find((one) => one.element === element);
    if (!row || !this.#changesOf || Object.keys(row.was).length === 0) return;
    row.changes?.remove();
    row.changes = this.#changesOf(row.was, row.item);
    row.element.append(row.changes);
  }

  #newRow(key) {
    const [time, source, badge] = [part("time", "time"), part("source", "span"), part("badge", "span")];
    const [title, chips] = [newLink({ class: "headline", part: "headline" }), part("tickers", "span")];
    const inner = [time, source, badge, title, chips];
    const element = part("item", "article", { tabindex: -1, "data-key": key }, ...inner);
    return { key, newAt: null, goneAt: null, item: {}, was: {}, element, time, source, badge, title, chips };
  }

  #fill(row) {
    const item = row.item = this.view.items.get(row.key);
    const title = String(item.title ?? row.key);
    setText(row.time, moment(timeOf(item), Date.now()));
    row.time.title = timeOf(item) ?? "";
    setText(row.source, String(item.source ?? ""));
    setText(row.title, title);
    const isBreaking = item[BREAKING] === true || [item.tags].flat().includes(BREAKING);
    row.element.classList.toggle(BREAKING, isBreaking);
    row.element.ariaLabel = [isBreaking && "Breaking", title, item.source].filter(Boolean).join(", ");
    row.title.title = item.summary ? String(item.summary) : title;
    aim(row.title, isLink(item.url) && item.url);
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

  // Shows what came while the reader was further down.
  #toTop() {
    this.#scroll.scrollTop = 0;
    this.soon();
    this.#feed.querySelector(".item")?.focus({ preventScroll: true });
  }

  #pick({ key, title }, event) {
    if (event.type === "keydown" && title.href) title.click();
    else if (!this.choose(key)) event.preventDefault();
  }
}

define("stream-news", StreamNews, [linkLook, newsLook], ["filter", "source"]);

function timeOf(item) {
  return item.published ?? item.updated;
}
