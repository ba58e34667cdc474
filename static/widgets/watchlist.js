// <stream-watchlist>: quotes, one a row, in the common shape (docs/config.md).

import { define } from "./element.js";
import { GridElement } from "./grid.js";
import { gridLook } from "./gridlook.js";
import { later } from "./later.js";
import { sheet } from "./make.js";
import { amount, isNumber, percent, price, signed, tickDecimals } from "./text.js";

const LETTERS_MOST = 18; // in digits, as all widths,
const LETTER = 1.25; // of which a bold capital takes so many
const LATE_MS = 30_000; // a row is never called late before
const LATE_TIMES = 3;
const FIELDS = ["change", "change_pct", "bid", "volume"]; // shown where any item has one
const ALWAYS = ["symbol", "last", "spark"];
const ALIASES = { chg: "change", chgp: "change_pct", vol: "volume", ask: "bid" };

const look = sheet(`
.rows .cell:not(.c0){color:color-mix(in srgb,var(--ink) 72%,var(--bg))}
.rows .cell[part~=last]{color:var(--ink);font-weight:500}
.rows .up{color:var(--up)!important}
.rows .down{color:var(--down)!important}
`);

export class StreamWatchlist extends GridElement {
  #decimals = 0; // the most of any instrument
  #digits = 10; // how wide a price is,
  #letters = 9; // and a symbol
  #known = new Set(ALWAYS); // fields that any item has
  #sparks = null; // what draws the lines, once it is loaded
  #mayDraw = false; // whether that was asked for
  #waiting = new Map(); // row → its cell, where a line is to be drawn

  // All of these only grow.
  get breadth() {
    return this.#decimals + this.#digits + this.#letters + this.#known.size;
  }

  get listed() { return this.wanted; }

  reset() {
    super.reset();
    this.#known = new Set(ALWAYS);
    this.#waiting.clear();
    this.#sparks?.clear();
  }

  touched(keys, { kind }, view) {
    this.#sparks?.take(keys, kind, view);
  }

  show(dirty, now) {
    super.show(dirty, now);
    if (this.#sparks?.draw(this.#waiting, this.view.items, now)) this.soon();
  }

  second() {
    const now = performance.now();
    const fixed = this.staleAfter;
    for (const { element, at, gap } of this.rows.values()) {
      const usual = gap === null ? Infinity : Math.max(LATE_MS, LATE_TIMES * gap);
      element.classList.toggle("late", now - at > (fixed === null ? usual : fixed * 1000));
    }
    this.soon();
  }

  summary(count) {
    const size = (item) => Math.abs(item.change_pct);
    const moved = [...this.view?.items ?? []].filter(([, item]) => isNumber(item.change_pct));
    const [key, most] = moved.sort(([, a], [, b]) => size(b) - size(a))[0] ?? [];
    return `${count} changes${most ? `; ${key} ${most.change_pct < 0 ? "down" : "up"} ${size(most).toFixed(1)} %` : ""}`;
  }

  learn(item, row) {
    row.decimals = tickDecimals(item, row.decimals);
    this.#decimals = Math.max(this.#decimals, row.decimals);
    const width = price(item.last, row.decimals, this.#decimals).length;
    if (width > this.#digits) this.#digits = width + 1;
    const letters = Math.min(LETTERS_MOST, Math.ceil(String(item.symbol ?? row.key).length * LETTER));
    this.#letters = Math.max(this.#letters, letters);
    for (const field of FIELDS) if (isNumber(item[field])) this.#known.add(field);
  }

  columns() {
    const most = this.#decimals;
    const width = this.#digits;
    const number = { number: true, width };
    const moved = { ...number, follows: true, signed: true };
    const all = {
      symbol: { label: "Symbol", width: this.#letters, grow: true, text: (item, row) => String(item.symbol ?? row.key) },
      last: { ...number, label: "Last", text: (item, row) => price(item.last, row.decimals, most) },
      change: { ...moved, label: "Chg", yields: 2, text: (item, row) => signed(item.change, row.decimals, most) },
      change_pct: { ...moved, label: "%Chg", width: 8, text: (item) => percent(item.change_pct) },
      bid: { ...number, label: "Bid × Ask", beside: "ask", follows: true, width: width * 2 - 2, yields: 4,
        text: (item, row) => `${price(item.bid, row.decimals)} × ${price(item.ask, row.decimals)}` },
      volume: { ...number, label: "Vol", width: 7, yields: 3, quiet: true, text: (item) => amount(item.volume) },
      spark: { width: 11, yields: 1, draw: (row, cell) => this.#waiting.set(row, cell) },
    };
    const asked = this.wantedFields?.map((field) => ALIASES[field] ?? field);
    const fields = asked ?? Object.keys(all).filter((field) => this.#known.has(field));
    if (fields.includes("spark")) this.#fetchSparks();
    return [...new Set(fields)].map((field) => {
      const plain = { label: field, width: 10, text: (item) => String(item[field] ?? "–") };
      return { field, part: field, ...all[field] ?? plain };
    });
  }

  // The numbers need not wait for the lines beside them.
  #fetchSparks() {
    if (this.#mayDraw) return;
    this.#mayDraw = true;
    later(() => import("./sparks.js"), ({ newSparks }) => {
      this.#sparks = newSparks(this.shadowRoot);
      if (this.view) this.touched([...this.view.items.keys()], { kind: "snapshot" }, this.view);
      this.soon();
    });
  }
}

define("stream-watchlist", StreamWatchlist, [gridLook, look], ["order", "stale-after"]);
