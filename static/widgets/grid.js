// What the elements with a table have in common: rows that are kept, columns, an order.
//
// A kind gives `learn(item, row)` (an item is about to be written; sets the row's decimals), `columns()`
// and `breadth` (another value where columns came or became wider), and may give `listed` (keys, in their
// order). A column is `{field, label, width, number, grow, quiet, follows, signed, yields, part,
// text(item, row)}`, may put its text into another node by `wrap(node)` and `aim(wrapped, value)`, or has
// `draw(row, cell)` in place of `text`. `width` in digits; `yields`: where there is no room for all, the
// highest goes first.

import { sorted } from "../stream.js";
import { StreamElement } from "./element.js";
import { make, part, sheet } from "./make.js";
import { lineUp, newRover } from "./rover.js";
import { newRow } from "./row.js";

const MOST_ROWS = 500;
const HOLD_MS = 2_000; // how long rows keep their places after they were sorted, or a key was pressed
const GONE_MOST = 40;
const PAD_PX = 16;
const CAUGHT_UP = 6; // rows out of sight that are written in one frame

try {
  CSS.registerProperty({ name: "--_stream-digit", syntax: "<length>", inherits: true, initialValue: "8px" });
} catch {
  // Another copy of this module in the page did so.
}

export class GridElement extends StreamElement {
  rows = new Map(); // those that are shown, by key
  #columns = [];
  #breadth;
  #chosen = null; // the reader's order, written as a channel's `sort`
  #heldUntil = 0; // -Infinity: rows may change places at once, also under the pointer
  #isLate = false; // whether rows wait for their places
  #behind = new Set(); // rows out of sight whose texts are older than their items
  #widths = sheet("");
  #head; #body; #gone; #table; #rover; #sight;

  build() {
    this.#head = part("head", "div", { class: "row head", role: "row" });
    this.#body = part("rows", "div", { class: "rows fresh", role: "rowgroup" });
    this.#gone = this.#body.getElementsByClassName("gone");
    const top = make("div", { role: "rowgroup", class: "top" }, this.#head);
    this.#table = make("div", { class: "table", role: "grid" }, top, this.#body);
    this.#rover = newRover(this.#body, () => this.rows, (row) => this.#select(row));
    const on = (type, act) => this.#body.addEventListener(type, act);
    on("keydown", () => { this.#heldUntil = performance.now() + HOLD_MS; });
    on("animationend", ({ target }) => { if (target.matches(".gone")) this.#drop(target); });
    this.#sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) target.isSeen = isIntersecting;
      if (this.#behind.size > 0) this.soon();
    });
    this.shadowRoot.adoptedStyleSheets.push(this.#widths);
    return [part("scroll", "div", {}, this.#table)];
  }

  reset() {
    this.#empty();
    this.#chosen = this.#rover.active = null;
    this.#table.ariaLabel = this.name;
  }

  show(dirty, now) {
    const { items } = this.view;
    if (dirty.all) this.#layOut(items);
    this.#strike(items, dirty.touched);
    this.#isLate ||= dirty.touched.size > 0;
    if (dirty.isMoved || (this.#isLate && this.#maySort(now))) this.#place(items, dirty, now);
    else for (const key of dirty.touched) this.#change(this.rows.get(key), items, now);
    this.#catchUp(items, now);
    if (this.#breadth !== this.breadth) this.refresh();
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
      [this.#heldUntil, this.#isLate] = [-Infinity, true];
      this.soon();
    });
    const named = { class: `cell c${this.#head.children.length}`, role: "columnheader" };
    this.#head.append(part("column", "div", named, draw ? "" : button));
  }

  #order() {
    return this.#chosen ?? (this.listed ? null : this.view.sort);
  }

  #showSort() {
    this.#columns.forEach(({ field }, at) => {
      this.#head.children[at].ariaSort = { [field]: "ascending", [`-${field}`]: "descending" }[this.#order()] ?? "none";
    });
  }

  // In order of arrival the newest stands last, and is what must be seen where there are too many.
  #arrange() {
    const { listed, max, view } = this;
    const sort = this.#order();
    const most = max ?? MOST_ROWS;
    const keys = (!sort && listed) || sorted({ ...view, sort }).map(([key]) => key);
    return sort || listed ? keys.slice(0, most) : keys.slice(-most);
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
    this.#rover.settle();
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
    row.write(this.#columns, item, mayFlash, now);
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

  #strike(items, touched) {
    for (const key of touched) {
      const row = this.rows.get(key);
      if (!row || items.has(key)) continue;
      this.rows.delete(key);
      row.element.className = "row gone";
      row.element.tabIndex = -1;
    }
    while (this.#gone.length > GONE_MOST) this.#drop(this.#gone[0]);
  }

  #select(row) {
    for (const { element } of this.rows.values()) element.ariaSelected = null;
    row.element.ariaSelected = "true";
    this.choose(row.key);
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
