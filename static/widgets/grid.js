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
const CAUGHT_UP = 24; // rows out of sight that are written in one frame

try {
  CSS.registerProperty({ name: "--_stream-digit", syntax: "<length>", inherits: true, initialValue: "8px" });
} catch {
  // Another copy of this module in the page did so.
}

export class GridElement extends StreamElement {
  #grid;

  /** Those that are shown, by key. */
  get rows() { return this.#grid.rows(); }

  build() {
    this.#grid = newGrid(this);
    this.shadowRoot.adoptedStyleSheets.push(this.#grid.widths);
    return [this.#grid.node];
  }

  reset() {
    this.#grid.reset();
  }

  show(dirty, now) {
    this.#grid.show(this.view.items, dirty, now);
  }

  second() {
    if (this.#grid.isLate()) this.soon();
  }
}

function newGrid(host) {
  let rows = new Map();
  let columns = [];
  let breadth;
  let chosen = null; // the reader's order, written as a channel's `sort`
  let heldUntil = 0; // -Infinity: rows may change places at once, also under the pointer
  let isLate = false; // whether rows wait for their places
  const behind = new Set(); // rows out of sight whose texts are older than their items
  const widths = sheet("");
  const head = part("head", "div", { class: "row head", role: "row" });
  const body = part("rows", "div", { class: "rows fresh", role: "rowgroup" });
  const gone = body.getElementsByClassName("gone");
  const top = make("div", { role: "rowgroup", class: "top" }, head);
  const table = make("div", { class: "table", role: "grid" }, top, body);
  const rover = newRover(body, () => rows, select);
  body.addEventListener("contentvisibilityautostatechange", ({ target, skipped }) => {
    target.isSeen = !skipped;
    if (behind.size > 0) host.soon();
  });
  body.addEventListener("keydown", () => { heldUntil = performance.now() + HOLD_MS; });
  body.addEventListener("animationend", ({ target }) => { if (target.matches(".gone")) target.remove(); });

  function reset() {
    empty();
    chosen = rover.active = null;
    table.ariaLabel = host.name;
  }

  function show(items, dirty, now) {
    if (dirty.all) layOut(items);
    strike(items, dirty.touched);
    isLate ||= dirty.touched.size > 0;
    if (dirty.isMoved || (isLate && maySort(now))) place(items, dirty, now);
    else for (const key of dirty.touched) change(rows.get(key), items, now);
    catchUp(items, now);
    if (breadth !== host.breadth) host.refresh();
  }

  function empty() {
    rows.clear();
    behind.clear();
    columns = [];
    head.replaceChildren();
    body.replaceChildren();
  }

  // Where the columns only became more or wider, rows are kept.
  function layOut(items) {
    for (const [key, item] of items) host.learn(item, { key, decimals: 0 });
    breadth = host.breadth;
    const wanted = host.columns();
    if (columns.some(({ field }, at) => field !== wanted[at]?.field)) empty();
    columns = wanted;
    const least = extent(columns.filter(({ yields }) => !yields));
    widths.replaceSync(`${columns.map(rule).join("")}.row{min-width:${least}}`);
    for (const column of columns.slice(head.children.length)) addHead(column);
    showSort();
  }

  function addHead({ field, label, number, draw }) {
    const [first, second] = number ? [`-${field}`, field] : [field, `-${field}`];
    const button = make("button", { type: "button", title: label }, label);
    button.addEventListener("click", () => {
      chosen = chosen === first ? second : chosen === second ? null : first;
      showSort();
      [heldUntil, isLate] = [-Infinity, true];
      host.soon();
    });
    const named = { class: `cell c${head.children.length}`, role: "columnheader" };
    head.append(part("column", "div", named, draw ? "" : button));
  }

  function order() {
    return chosen ?? (host.listed ? null : host.view.sort);
  }

  function showSort() {
    columns.forEach(({ field }, at) => {
      head.children[at].ariaSort = { [field]: "ascending", [`-${field}`]: "descending" }[order()] ?? "none";
    });
  }

  // In order of arrival the newest stands last, and is what must be seen where there are too many.
  function arrange() {
    const { listed, max, view } = host;
    const sort = order();
    const most = max ?? MOST_ROWS;
    const keys = (!sort && listed) || sorted({ ...view, sort }).map(([key]) => key);
    return sort || listed ? keys.slice(0, most) : keys.slice(-most);
  }

  function maySort(now) {
    return heldUntil === -Infinity || (now >= heldUntil && !body.matches(":hover"));
  }

  function place(items, { all, added, touched }, now) {
    let keys = arrange();
    const before = rows;
    if (!all && !maySort(now)) {
      // Rows keep their places under the pointer; what came meanwhile stands at the end.
      const wanted = new Set(keys);
      keys = [...[...before.keys()].filter((key) => wanted.delete(key)), ...wanted];
      isLate = true;
    } else [heldUntil, isLate] = [now + HOLD_MS, false];
    rows = new Map(keys.map((key) => [key, before.get(key) ?? newRow(key, now)]));
    for (const [key, row] of rows) {
      const isKnown = before.delete(key);
      if (!isKnown && !all && added.has(key)) row.element.classList.add("new");
      if (!isKnown || all) write(row, items, false, now);
      else if (touched.has(key)) change(row, items, now);
    }
    for (const { element } of before.values()) element.remove();
    lineUp(body, rows.values());
    rover.settle();
  }

  function write(row, items, mayFlash, now) {
    const item = items.get(row.key);
    if (item) host.learn(item, row);
    row.write(columns, item, mayFlash, now);
  }

  // A change of a row that nobody sees can wait for a quieter frame, and flashes for nobody.
  function change(row, items, now) {
    if (!row || !items.has(row.key)) return;
    row.tick(now);
    if (row.isSeen()) write(row, items, true, now);
    else behind.add(row);
  }

  function catchUp(items, now) {
    let left = CAUGHT_UP;
    for (const row of behind) {
      if (!row.isSeen() && left-- <= 0) continue;
      behind.delete(row);
      if (rows.get(row.key) === row) write(row, items, false, now);
    }
    if (behind.size > 0) host.soon();
  }

  function strike(items, touched) {
    for (const key of touched) {
      const row = rows.get(key);
      if (!row || items.has(key)) continue;
      rows.delete(key);
      row.element.className = "row gone";
      row.element.tabIndex = -1;
    }
    while (gone.length > GONE_MOST) gone[0].remove();
  }

  function select(row) {
    for (const { element } of rows.values()) element.ariaSelected = null;
    row.element.ariaSelected = "true";
    host.choose(row.key);
  }

  const node = part("scroll", "div", {}, table);
  return { node, widths, reset, show, rows: () => rows, isLate: () => isLate };
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
