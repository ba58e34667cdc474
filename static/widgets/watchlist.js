// <stream-watchlist>: quotes, one a row, in the common shape (docs/config.md).

import { sorted } from "../stream.js";
import { soon } from "./beat.js";
import { define, StreamElement } from "./element.js";
import { Grid } from "./grid.js";
import { History } from "./history.js";
import { sheet } from "./make.js";
import { ordered, orderOf } from "./order.js";
import { drawSpark, makeSpark } from "./spark.js";
import { amount, isNumber, price, signed, tickDecimals, way } from "./text.js";

const MOST_ROWS = 500;
const POINTS = { most: 60, every_s: 2 };
const SPARKS = { frame: 24, every_ms: 1_000 }; // redrawn at most so many a frame, each once a second
const LETTERS_MOST = 14;
const LATE_MS = 30_000; // a row is never called late before
const LATE_TIMES = 3;
const FIELDS = ["symbol", "last", "change", "change_pct", "bid", "volume", "spark"];
const ALWAYS = ["symbol", "last", "spark"];
const ALIASES = { chg: "change", chgp: "change_pct", vol: "volume", ask: "bid" };

const look = sheet(`
.spark{display:block;width:80px;height:20px;margin-top:calc((var(--row) - 21px)/2)}
.spark path{fill:none;stroke:currentColor;stroke-width:1.2;vector-effect:non-scaling-stroke}
.spark .area{fill:currentColor;stroke:none;opacity:.12}
.spark .close{stroke:var(--dim);stroke-width:1;stroke-dasharray:2 2}
.spark .end{fill:currentColor}
.spark[data-way=up]{color:var(--up)}
.spark[data-way=down]{color:var(--down)}
.spark[data-none]{visibility:hidden}
.rows .cell:not(.c0){color:color-mix(in srgb,var(--ink) 72%,var(--bg))}
.rows .cell[part~=last]{color:var(--ink);font-weight:500}
.rows .up{color:var(--up)!important}
.rows .down{color:var(--down)!important}
`);

export class StreamWatchlist extends StreamElement {
  static get observedAttributes() { return [...StreamElement.observedAttributes, "stale-after"]; }
  static get sheets() { return [...Grid.sheets, look]; }
  #grid;
  #history = new History(POINTS.most, POINTS.every_s);
  #decimals = 0; // the most of any instrument
  #digits = 10; // how wide a price is,
  #letters = 9; // and a symbol
  #known = new Set(); // fields that any item has
  #sparks = new Set();
  #isWider = false; // columns are others, or wider, than they were laid out

  build() {
    this.#grid = new Grid(this.name, {
      choose: (key) => this.send("stream-select", { key, item: this.view.items.get(key) ?? null }),
      sort: () => this.#sortNow(),
      again: () => soon(this),
      prepare: (item, row) => this.#learn(item, row),
    });
    this.shadowRoot.adoptedStyleSheets.push(this.#grid.sheet);
    return [this.#grid.node];
  }

  reset() {
    this.#grid.clear();
    this.#known.clear();
    this.#sparks.clear();
    this.#history = new History(POINTS.most, POINTS.every_s);
    this.#grid.table.ariaLabel = this.name;
  }

  touched(change, view) {
    const isAll = change.kind === "snapshot";
    if (isAll) this.#history.keep(view.items.keys());
    if (isAll) this.#history.start(view.trail, "last");
    const now_s = Date.now() / 1000;
    for (const key of isAll ? view.items.keys() : [...change.added, ...change.changed]) {
      const value = view.items.get(key)?.last;
      if (isNumber(value)) this.#history.add(key, now_s, value);
    }
  }

  show(dirty, now) {
    const { items } = this.view;
    if (dirty.all) for (const item of items.values()) this.#learn(item, { key: "" });
    if (dirty.all) this.#layOut();
    this.#isWider = false;
    this.#grid.show(items, dirty, now, () => this.#arrange());
    if (this.#isWider) this.refresh();
    this.#drawSparks(now);
  }

  second() {
    const now = performance.now();
    const fixed = this.staleAfter;
    this.#grid.each((element, row) => {
      const usual = row.gap === null ? Infinity : Math.max(LATE_MS, LATE_TIMES * row.gap);
      const most = fixed === null ? usual : fixed * 1000;
      element.classList.toggle("late", now - row.at > most);
    });
    soon(this);
  }

  summary(count) {
    const moved = [...this.view?.items ?? []].filter(([, item]) => isNumber(item.change_pct));
    if (moved.length === 0) return `${count} changes`;
    const [key, item] = moved.reduce((a, b) => (Math.abs(b[1].change_pct) > Math.abs(a[1].change_pct) ? b : a));
    const { change_pct: percent } = item;
    return `${count} changes; ${key} ${percent < 0 ? "down" : "up"} ${Math.abs(percent).toFixed(1)} %`;
  }

  #learn(item, row) {
    row.decimals = tickDecimals(item, row.decimals);
    const width = price(item.last, row.decimals, this.#decimals).length;
    const letters = Math.min(LETTERS_MOST, String(item.symbol ?? row.key).length + 1);
    const isKnown = FIELDS.every((field) => this.#known.has(field) || !isNumber(item[field]));
    if (isKnown && width <= this.#digits && letters <= this.#letters && row.decimals <= this.#decimals) return;
    this.#isWider = true;
    for (const field of FIELDS) if (isNumber(item[field])) this.#known.add(field);
    this.#decimals = Math.max(this.#decimals, row.decimals);
    if (width > this.#digits) this.#digits = width + 1;
    this.#letters = Math.max(this.#letters, letters);
  }

  #layOut() {
    const asked = this.wantedFields?.map((field) => ALIASES[field] ?? field);
    const fields = asked ?? FIELDS.filter((field) => ALWAYS.includes(field) || this.#known.has(field));
    const columns = fields.filter((field, at) => fields.indexOf(field) === at).map((field) => this.#column(field));
    this.#grid.setColumns(columns);
    this.#grid.showSort(orderOf(this.wanted ? null : this.view.sort));
  }

  #column(field) {
    const most = this.#decimals;
    const plain = { field, part: field, label: field, width: 10, value: (item) => item[field] };
    const number = { ...plain, number: true };
    return {
      symbol: { ...plain, label: "Symbol", width: this.#letters, grow: true,
        text: (item, row) => String(item.symbol ?? row.key), value: (item) => item.symbol },
      last: { ...number, label: "Last", width: this.#digits,
        text: (item, row) => price(item.last, row.decimals, most) },
      change: { ...number, follows: true, label: "Chg", width: this.#digits, yields: 2, way: (item) => way(item.change),
        text: (item, row) => signed(item.change, row.decimals, most) },
      change_pct: { ...number, follows: true, label: "%Chg", width: 8, way: (item) => way(item.change_pct),
        text: (item) => (isNumber(item.change_pct) ? `${signed(item.change_pct, 2)}%` : "–") },
      bid: { ...number, follows: true, label: "Bid × Ask", width: this.#digits * 2 - 2, yields: 4,
        text: (item, row) => `${price(item.bid, row.decimals)} × ${price(item.ask, row.decimals)}` },
      volume: { ...number, label: "Vol", width: 7, yields: 3, quiet: true, text: (item) => amount(item.volume) },
      spark: { ...plain, label: "", width: 11, yields: 1, make: makeSpark, draw: (svg, item, row) => {
        this.#sparks.add(row);
        row.svg = svg;
      } },
    }[field] ?? { ...plain, text: (item) => String(item[field] ?? "–") };
  }

  #arrange() {
    const { view } = this;
    const { sort } = this.#grid;
    const most = this.max ?? MOST_ROWS;
    if (sort) return ordered(view.items, sort).slice(0, most);
    return (this.wanted ?? sorted(view).map(([key]) => key)).slice(0, most);
  }

  #sortNow() {
    this.#grid.showSort(orderOf(this.wanted ? null : this.view.sort));
    this.#grid.resort();
    soon(this);
  }

  #drawSparks(now) {
    let left = SPARKS.frame;
    for (const row of this.#sparks) {
      if (!row.isSeen || now - (row.drawnAt ?? -Infinity) < SPARKS.every_ms) continue;
      if (left-- === 0) return soon(this);
      this.#sparks.delete(row);
      row.drawnAt = now;
      drawSpark(row.svg, this.#history.of(row.key), this.view.items.get(row.key)?.prev_close);
    }
  }
}

define("stream-watchlist", StreamWatchlist);
