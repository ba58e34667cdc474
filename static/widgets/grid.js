// What the elements with a table have in common: rows that are kept, columns, an order. What a reader does to
// the rows is in hands.js.
//
// A kind gives `learn(item, row)` (an item is about to be written; sets the row's decimals), `columns()`
// and `breadth` (another value where columns came or became wider), and may give `listed` (keys, in their
// order). A column is `{field, label, width, number, grow, quiet, follows, signed, yields, part,
// text(item, row)}`, may put its text into another node by `wrap(node)` and `aim(wrapped, value)`, or has
// `draw(row, cell)` in place of `text`; `beside` is another field in the same cell. `width` in digits; `yields`: where there is no room for all, the
// highest goes first.

import { sorted } from "../stream.js";
import { StreamElement } from "./element.js";
import { lineUp, reachOne } from "./lineup.js";
import { later } from "./later.js";
import { make, part, sheet } from "./make.js";
import { newRow } from "./row.js";

const MOST_ROWS = 500;
const HOLD_MS = 2_000; // how long rows keep their places after they were sorted
const PAD_PX = 16;
const CAUGHT_UP = 6; // rows out of sight that are written in one frame
const EARLY_MS = 2_000;
const NEAR = ["pointerenter", "pointerdown", "focusin", "keydown", "click", "contextmenu", "copy"];
const LASTING = ["keydown", "click"]; // what the browser has not gone on from when the hands come
const EARLY_MOST = 20;

try {
  CSS.registerProperty({ name: "--_stream-digit", syntax: "<length>", inherits: true, initialValue: "8px" });
} catch {
  // Another copy of this module in the page did so.
}

export class GridElement extends StreamElement {
  rows = new Map(); // those that are shown, by key
  active = null; // the key of the row that the tabulator reaches
  #columns = [];
  #breadth;
  #chosen = null; // what the reader sorts by, written as a channel's `sort`
  #own = null; // the keys as the reader put them
  #of; // whose rows these are
  #heldUntil = 0; // -Infinity: rows may change places at once, also under the pointer
  #isLate = false; // whether rows wait for their places
  #flash = null; // how a change shows, once it is loaded
  #isWhole = false; // whether that was asked for
  #behind = new Set(); // rows out of sight whose texts are older than their items
  #widths = sheet("");
  #head; #body; #table; #sight;

  build() {
    this.#head = part("head", "div", { class: "row head", role: "row" });
    this.#body = part("rows", "div", { class: "rows fresh", role: "rowgroup" });
    const top = make("div", { role: "rowgroup", class: "top" }, this.#head);
    this.#table = make("div", { class: "table", role: "grid", "aria-multiselectable": "true" }, top, this.#body);
    this.#fetchHands();
    this.#sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) target.isSeen = isIntersecting;
      if (this.#behind.size > 0) this.soon();
    });
    this.shadowRoot.adoptedStyleSheets.push(this.#widths);
    return [part("scroll", "div", {}, this.#table)];
  }

  reset() {
    this.#empty();
    const of = `${this.src} ${this.channel}`;
    // The same rows by another link stand as they stood.
    if (this.#of !== of) this.#chosen = this.#own = this.active = null;
    this.#of = of;
    this.#table.ariaLabel = this.name;
  }

  attributeChangedCallback(name, before, after) {
    if (name === "order") this.#own = null;
    super.attributeChangedCallback(name, before, after);
  }

  show(dirty, now) {
    const { items } = this.view;
    if (dirty.all) this.#layOut(items);
    this.#flash?.strike(this.rows, items, dirty.touched);
    this.#isLate ||= dirty.touched.size > 0;
    if (dirty.isMoved || (this.#isLate && this.#maySort(now))) this.#place(items, dirty, now);
    else for (const key of dirty.touched) this.#change(this.rows.get(key), items, now);
    this.#catchUp(items, now);
    if (this.#breadth !== this.breadth) this.refresh();
    if (!this.#isWhole) this.#fetchFlash();
  }

  /** The columns that are shown. */
  get shown() { return this.#columns; }

  /** Lets rows keep their places for so many ms; -Infinity: they may change them at once. */
  hold(ms) {
    this.#heldUntil = performance.now() + ms;
    if (ms > 0) return;
    this.#isLate = true;
    this.soon();
  }

  /** Lets the rows of these keys stand in this order until the next change of places. */
  stand(keys) {
    this.rows = new Map(keys.map((key) => [key, this.rows.get(key)]));
    lineUp(this.#body, this.rows.values());
    reachOne(this.rows, this.active);
  }

  /** Lets them stand in this order from now on, and tells the page. */
  reorder(keys) {
    [this.#own, this.#chosen] = [keys, null];
    this.stand(keys);
    this.#showSort();
    this.send("stream-order", { keys });
  }

  // What was done a moment before the hands are there is done then.
  #fetchHands() {
    const early = [];
    let isAsked = false;
    let hands = (event, target) => {
      if (LASTING.includes(event.type) && early.length < EARLY_MOST) early.push([event, target]);
      if (isAsked) return;
      isAsked = true;
      later(() => import("./hands.js"), ({ newHands }) => {
        hands = newHands(this);
        for (const [one, at] of early.splice(0)) if (performance.now() - one.timeStamp < EARLY_MS) hands(one, at);
      });
    };
    for (const type of NEAR) this.#body.addEventListener(type, (event) => hands(event, event.target));
  }

  #fetchFlash() {
    this.#isWhole = true;
    later(() => import("./flash.js"), ({ newFlash }) => {
      this.#flash = newFlash(this.shadowRoot, this.#body, (element) => this.#drop(element));
    });
  }

  #empty() {
    this.#sight.disconnect();
    this.rows.clear();
    this.#behind.clear();
    this.#columns = [];
    this.#head.replaceChildren();
    this.#body.replaceChildren();
  }

  // Where the columns only became more or wider, rows are kept.
  #layOut(items) {
    for (const [key, item] of items) this.learn(item, { key, decimals: 0 });
    this.#breadth = this.breadth;
    const wanted = this.columns();
    if (this.#columns.some(({ field }, at) => field !== wanted[at]?.field)) this.#empty();
    this.#columns = wanted;
    const least = extent(this.#columns.filter(({ yields }) => !yields));
    this.#widths.replaceSync(`${this.#columns.map(rule).join("")}.row{min-width:${least}}`);
    for (const column of this.#columns.slice(this.#head.children.length)) this.#addHead(column);
    this.#showSort();
  }

  #addHead({ field, label, number, draw }) {
    const [first, second] = number ? [`-${field}`, field] : [field, `-${field}`];
    const button = make("button", { type: "button", title: label }, label);
    button.addEventListener("click", () => {
      this.#chosen = this.#chosen === first ? second : this.#chosen === second ? null : first;
      this.#showSort();
      this.hold(-Infinity);
    });
    const named = { class: `cell c${this.#head.children.length}`, role: "columnheader" };
    this.#head.append(part("column", "div", named, draw ? "" : button));
  }

  #order() {
    return this.#chosen ?? (this.#given() ? null : this.view.sort);
  }

  // Keys in an order that is nobody's sorting: the reader's, or the page's.
  #given() {
    return this.#own ?? this.keysOf(this.order) ?? this.listed;
  }

  #showSort() {
    this.#columns.forEach(({ field }, at) => {
      this.#head.children[at].ariaSort = { [field]: "ascending", [`-${field}`]: "descending" }[this.#order()] ?? "none";
    });
  }

  // In order of arrival the newest stands last, and is what must be seen where there are too many.
  #arrange() {
    const { listed, max, view } = this;
    const given = this.#chosen ? null : this.#given();
    const most = max ?? MOST_ROWS;
    const sort = this.#chosen ?? view.sort;
    const known = (!this.#chosen && listed) || sorted({ ...view, sort }).map(([key]) => key);
    const newest = sort ? known.slice(0, most) : known.slice(-most);
    if (!given) return newest;
    // What the reader put in order is what was seen: it takes no place from what comes.
    const left = new Set(given === this.#own ? newest : known);
    return [...given.filter((key) => left.delete(key)), ...left].slice(0, most);
  }

  #maySort(now) {
    return this.#heldUntil === -Infinity || (now >= this.#heldUntil && !this.#body.matches(":hover"));
  }

  #place(items, { all, added, touched }, now) {
    let keys = this.#arrange();
    const before = this.rows;
    if (!all && !this.#maySort(now)) {
      // Rows keep their places under the pointer; what came meanwhile stands at the end.
      const wanted = new Set(keys);
      keys = [...[...before.keys()].filter((key) => wanted.delete(key)), ...wanted];
      this.#isLate = true;
    } else [this.#heldUntil, this.#isLate] = [now + HOLD_MS, false];
    this.rows = new Map(keys.map((key) => [key, before.get(key) ?? this.#newRow(key, now)]));
    for (const [key, row] of this.rows) {
      const isKnown = before.delete(key);
      if (!isKnown && !all && added.has(key)) row.element.classList.add("new");
      if (!isKnown || all) this.#write(row, items, false, now);
      else if (touched.has(key)) this.#change(row, items, now);
    }
    for (const { element } of before.values()) this.#drop(element);
    lineUp(this.#body, this.rows.values());
    reachOne(this.rows, this.active);
  }

  #newRow(key, now) {
    const row = newRow(key, now);
    this.#sight.observe(row.element);
    return row;
  }

  #drop(element) {
    this.#sight.unobserve(element);
    element.remove();
  }

  #write(row, items, mayFlash, now) {
    const item = items.get(row.key);
    if (item) this.learn(item, row);
    row.write(this.#columns, item, mayFlash && this.#flash?.tint, now);
  }

  // A change of a row that nobody sees can wait for a quieter frame, and flashes for nobody.
  #change(row, items, now) {
    if (!row || !items.has(row.key)) return;
    row.tick(now);
    if (row.isSeen()) this.#write(row, items, true, now);
    else this.#behind.add(row);
  }

  #catchUp(items, now) {
    let left = CAUGHT_UP;
    for (const row of this.#behind) {
      if (!row.isSeen() && left-- <= 0) continue;
      this.#behind.delete(row);
      if (this.rows.get(row.key) === row) this.#write(row, items, false, now);
    }
    if (this.#behind.size > 0) this.soon();
  }
}

// In digits of the whole table: those of a bold cell are wider.
function extent(columns) {
  return `calc(${digitsOf(columns)}*var(--_stream-digit) + ${columns.length}*var(--pad))`;
}

function digitsOf(columns) {
  return columns.reduce((sum, { width }) => sum + width, 0);
}

function rule(column, at, columns) {
  const { grow, number, yields } = column;
  const text = `.c${at}{flex:${grow ? 1 : 0} 0 ${extent([column])};text-align:${number ? "end" : "start"}}`;
  if (!yields) return text;
  const rest = columns.filter((other) => (other.yields ?? 0) <= yields);
  return `${text}@container (width < calc(${digitsOf(rest)}ch + ${rest.length * PAD_PX}px)){.c${at}{display:none}}`;
}
