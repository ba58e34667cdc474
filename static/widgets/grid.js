// A table of rows that are kept. Knows nothing of channels; its columns say what an item's cells hold:
// `{field, label, width, number, grow, quiet, follows, link, yields, text(item, row), value(item), way(item),
// make, draw}`. `width` in digits; `yields`: where there is no room for all, the highest goes first.

import { gridLook } from "./gridlook.js";
import { make, sheet } from "./make.js";
import { Row } from "./row.js";

const HOLD_MS = 2_000; // how long rows keep their places after they were sorted, or a key was pressed
const GONE_MS = 2_300; // a removed row: struck through for 2 s, then it collapses
const GONE_MOST = 40;
const PAD_PX = 16;
const CAUGHT_UP = 6; // rows out of sight that are written in one frame

const digit = { name: "--_stream-digit", syntax: "<length>", inherits: true, initialValue: "8px" };
if (!isKnown(digit.name)) CSS.registerProperty(digit);

export class Grid {
  static get sheets() { return [gridLook]; }
  sort = null; // {field, down}: by the reader's choice
  active = null; // the key of the chosen row
  #columns = [];
  #rows = new Map();
  #byElement = new WeakMap();
  #gone = [];
  #sortedAt = -Infinity;
  #heldUntil = 0;
  #isOver = false;
  #isLate = false;
  #behind = new Set(); // rows out of sight whose texts are older than their items
  #sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) this.#byElement.get(target).isSeen = isIntersecting;
    if (this.#behind.size > 0) this.#on.again();
  });
  #isAsked = false;
  #sheet = sheet("");
  #head = make("div", { class: "row head", role: "row", part: "head" });
  #body = make("div", { class: "rows fresh", role: "rowgroup", part: "rows" });
  #on;

  /**
   * `on.choose(key)`: a click or Enter; `on.sort()`: another order is wanted; `on.prepare(item, row)`:
   * a row is about to be written; `on.again()`: `show` must be called once more.
   */
  constructor(label, on) {
    this.#on = on;
    this.table = make("div", { class: "table", role: "grid", "aria-label": label });
    this.table.append(make("div", { role: "rowgroup", class: "top" }, this.#head), this.#body);
    this.node = make("div", { class: "scroll", part: "scroll" }, this.table);
    this.#body.addEventListener("pointerenter", () => { this.#isOver = true; });
    this.#body.addEventListener("pointerleave", () => { this.#isOver = false; });
    this.#body.addEventListener("click", ({ target }) => {
      const row = this.#byElement.get(target.closest(".row"));
      if (row && row.goneAt === null) this.#choose(row, !target.closest("a[href]"));
    });
    this.#body.addEventListener("keydown", (event) => this.#press(event));
  }

  /** The sheet with the widths of the columns, for the element that shows the grid. */
  get sheet() { return this.#sheet; }

  /** Whether rows wait for a place, or to leave. */
  get busy() { return this.#isLate || this.#gone.length > 0; }

  clear() {
    this.#empty();
    [this.sort, this.active] = [null, null];
  }

  /** Sets the columns, before a `show` of all; where they only became more or wider, rows are kept. */
  setColumns(columns) {
    if (this.#columns.some(({ field }, at) => field !== columns[at]?.field)) this.#empty();
    this.#columns = columns;
    this.#sheet.replaceSync(columns.map((column, at) => rules(column, at, columns)).join("")
      + `.row{min-width:${extent(columns.filter(({ yields }) => !yields))}}`);
    for (const column of columns.slice(this.#head.children.length)) this.#addHead(column);
    this.showSort();
  }

  /** Says in the head by what the rows are sorted; `sort` is the channel's own order. */
  showSort(sort = null) {
    const { field, down } = this.sort ?? sort ?? {};
    this.#columns.forEach((column, at) => {
      const cell = this.#head.children[at];
      const order = column.field !== field ? "none" : down ? "descending" : "ascending";
      if (cell.ariaSort !== order) cell.ariaSort = order;
    });
  }

  /** Paints `items` (a Map) in the order `arrange()` gives, and the changes of `dirty` onto them. */
  show(items, dirty, now, arrange) {
    const { all, added, removed } = dirty;
    this.#strike(removed, items, now);
    const isMoved = all || added.size > 0 || removed.size > 0;
    this.#isLate ||= dirty.changed.size > 0;
    if (isMoved || (this.#isLate && this.#maySort(now))) this.#place(items, dirty, now, arrange);
    else {
      for (const key of dirty.changed) {
        const row = this.#rows.get(key);
        if (row && items.has(key)) this.#change(row, items, now);
      }
    }
    this.#catchUp(items, now);
  }

  /** Lets the next `show` sort at once, whatever the pointer does. */
  resort() {
    [this.#sortedAt, this.#heldUntil, this.#isLate, this.#isAsked] = [-Infinity, 0, true, true];
  }

  /** Calls `act(element, row)` for each row that is shown. */
  each(act) {
    for (const row of this.#rows.values()) act(row.element, row);
  }

  #empty() {
    for (const row of [...this.#rows.values(), ...this.#gone]) this.#drop(row);
    this.#rows.clear();
    this.#behind.clear();
    [this.#gone, this.#columns] = [[], []];
    this.#head.replaceChildren();
  }

  #maySort(now) {
    return this.#isAsked || (!this.#isOver && now >= this.#heldUntil && now - this.#sortedAt >= HOLD_MS);
  }

  #place(items, { all, added, changed }, now, arrange) {
    let keys = arrange();
    if (!all && !this.#maySort(now)) {
      // Rows keep their places under the pointer; what came meanwhile stands at the end.
      const wanted = new Set(keys);
      const kept = [...this.#rows.keys()].filter((key) => wanted.delete(key));
      keys = [...kept, ...wanted];
      this.#isLate = true;
    } else [this.#sortedAt, this.#isLate, this.#isAsked] = [now, false, false];
    const before = this.#rows;
    this.#rows = new Map();
    for (const key of keys) {
      const known = before.get(key);
      const row = known ?? this.#newRow(key, now);
      this.#rows.set(key, row);
      before.delete(key);
      if (!known && !all && added.has(key)) row.element.classList.add("new");
      if (!known || all) this.#write(row, items.get(key) ?? null, false, now);
      else if (changed.has(key) || added.has(key)) this.#change(row, items, now);
    }
    for (const row of before.values()) this.#drop(row);
    this.#walk();
  }

  #newRow(key, now) {
    const row = new Row(key, now);
    this.#byElement.set(row.element, row);
    this.#sight.observe(row.element);
    return row;
  }

  #write(row, item, mayFlash, now) {
    if (item) this.#on.prepare?.(item, row);
    row.write(this.#columns, item, mayFlash, now);
  }

  // A change of a row that nobody sees can wait for a quieter frame, and flashes for nobody.
  #change(row, items, now) {
    row.tick(now);
    if (row.isSeen) this.#write(row, items.get(row.key), true, now);
    else this.#behind.add(row);
  }

  #catchUp(items, now) {
    let left = CAUGHT_UP;
    for (const row of this.#behind) {
      if (!row.isSeen && left-- <= 0) continue;
      this.#behind.delete(row);
      if (this.#rows.get(row.key) === row) this.#write(row, items.get(row.key) ?? null, false, now);
    }
    if (this.#behind.size > 0) this.#on.again();
  }

  #drop(row) {
    this.#sight.unobserve(row.element);
    row.element.remove();
  }

  // Walks the rows once; one that is where it belongs is not touched.
  #walk() {
    const focus = this.#body.getRootNode().activeElement;
    let at = this.#body.firstChild;
    const skip = () => { while (at && this.#byElement.get(at).goneAt !== null) at = at.nextSibling; };
    for (const { element } of this.#rows.values()) {
      skip();
      if (at && element !== at && element === at.nextSibling) this.#body.append(at), (at = element);
      if (element === at) at = at.nextSibling;
      else this.#body.insertBefore(element, at);
    }
    this.#rove();
    if (focus && this.#body.contains(focus)) focus.focus({ preventScroll: true });
  }

  #strike(removed, items, now) {
    for (const key of removed) {
      const row = this.#rows.get(key);
      if (!row || items.has(key)) continue;
      this.#rows.delete(key);
      row.goneAt = now;
      row.element.className = "row gone";
      row.element.tabIndex = -1;
      this.#gone.push(row);
    }
    const isOver = () => this.#gone.length > GONE_MOST || now - this.#gone[0]?.goneAt > GONE_MS;
    while (isOver()) this.#drop(this.#gone.shift());
  }

  #addHead(column) {
    const cell = make("div", { class: `cell c${this.#head.children.length}`, role: "columnheader", part: "column" });
    if (column.draw) cell.append(make("span", {}, column.label));
    else {
      const button = make("button", { type: "button", title: column.hint ?? column.label }, column.label);
      button.addEventListener("click", () => {
        const { field, down } = this.sort ?? {};
        const first = Boolean(column.number);
        if (field !== column.field) this.sort = { field: column.field, down: first, value: column.value };
        else this.sort = down === first ? { ...this.sort, down: !first } : null;
        this.#on.sort();
      });
      cell.append(button);
    }
    this.#head.append(cell);
  }

  #rove() {
    const known = this.#rows.get(this.active) ?? this.#rows.values().next().value;
    for (const { element } of this.#rows.values()) {
      const index = known?.element === element ? 0 : -1;
      if (element.tabIndex !== index) element.tabIndex = index;
    }
  }

  #choose(row, mayFocus = true) {
    if (this.#rows.has(this.active)) this.#rows.get(this.active).element.ariaSelected = null;
    this.active = row.key;
    row.element.ariaSelected = "true";
    this.#rove();
    if (mayFocus) row.element.focus({ preventScroll: true });
    this.#on.choose(row.key);
  }

  #press(event) {
    const rows = [...this.#rows.values()];
    const at = rows.findIndex(({ element }) => element === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    this.#heldUntil = performance.now() + HOLD_MS;
    if (event.key === "Enter") this.#choose(rows[at]);
    else if (to === undefined) return;
    rows[to]?.element.focus();
    if (rows[to]) this.active = rows[to].key;
    this.#rove();
    event.preventDefault();
  }
}

// In digits of the whole table: those of a bold cell are wider.
function extent(columns) {
  const digits = columns.reduce((sum, { width }) => sum + width, 0);
  return `calc(${digits}*var(--_stream-digit) + ${columns.length}*var(--pad))`;
}

function rules(column, at, columns) {
  const { grow, number, yields } = column;
  const side = number ? "end" : "start";
  const rule = `.c${at}{flex:${grow ? 1 : 0} 0 ${extent([column])};text-align:${side}}`;
  if (!yields) return rule;
  const rest = columns.filter((other) => (other.yields ?? 0) <= yields);
  const digits = rest.reduce((sum, { width }) => sum + width, 0);
  return `${rule}@container (width < calc(${digits}ch + ${rest.length * PAD_PX}px)){.c${at}{display:none}}`;
}

// Two copies of this module in one page must not trip over each other.
function isKnown(property) {
  return getComputedStyle(document.documentElement).getPropertyValue(property) !== "";
}
