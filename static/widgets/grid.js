// A table of rows that are kept: what changed is written into the texts there are, and tinted. Knows
// nothing of channels; its columns say what an item's cells hold:
// `{field, label, width, number, grow, quiet, link, text(item, row), value(item), way(item), make, draw}`;
// `width` in digits, `quiet`: does not flash, `follows`: nor where the row flashed already, `way`: whose
// sign colours the text, `hide`: the width in px from which on it is shown.

import { isLink } from "../format.js";
import { make, sheet } from "./make.js";
import { gridLook } from "./gridlook.js";

const FLASH_MS = { again: 250, whole: 1_500 }; // at most four a second in one cell
const HOLD_MS = 2_000; // how long rows keep their places after they were sorted, or a key was pressed
const GONE_MS = 2_300; // a removed row: struck through for 2 s, then it collapses
const GONE_MOST = 40;
const WAYS = { "-1": "down", 0: "", 1: "up" };

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
  #isAsked = false;
  #sheet = sheet("");
  #head = make("div", { class: "row head", role: "row", part: "head" });
  #body = make("div", { class: "rows fresh", role: "rowgroup", part: "rows" });
  #on;

  /**
   * `on.choose(key)`: a click or Enter; `on.sort()`: another order is wanted; `on.prepare(item, row)`:
   * a row is about to be written.
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
    for (const row of [...this.#rows.values(), ...this.#gone]) row.element.remove();
    this.#rows.clear();
    this.#gone = [];
    this.#columns = [];
    this.#head.replaceChildren();
    [this.sort, this.active] = [null, null];
  }

  /** Sets the columns; those that are there already stay what they are, and may become wider. */
  setColumns(columns) {
    this.#columns = columns;
    const fixed = columns.map(({ width, grow, number }, at) => `.c${at}{flex:${grow ? 1 : 0} 0 calc(${width}ch + var(--pad));\
text-align:${number ? "end" : "start"}}`);
    const narrow = columns.map(({ hide }, at) => (hide ? `@container (width < ${hide}px){.c${at}{display:none}}` : ""));
    const least = columns.reduce((sum, { width, hide }) => sum + (hide ? 0 : width), 0);
    this.#sheet.replaceSync([
      ...fixed, ...narrow,
      `.row{min-width:calc(${least}ch + ${columns.filter(({ hide }) => !hide).length}*var(--pad))}`,
    ].join(""));
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
    this.#strike(all ? [] : removed, items, now, all);
    const isMoved = all || added.size > 0 || removed.size > 0;
    this.#isLate ||= dirty.changed.size > 0;
    if (isMoved || (this.#isLate && this.#maySort(now))) return this.#place(items, dirty, now, arrange);
    for (const key of dirty.changed) {
      const row = this.#rows.get(key);
      if (row && items.has(key)) this.#write(row, items.get(key), true, now);
    }
  }

  /** Lets the next `show` sort at once, whatever the pointer does. */
  resort() {
    [this.#sortedAt, this.#heldUntil, this.#isLate, this.#isAsked] = [-Infinity, 0, true, true];
  }

  /** Calls `act(element, row)` for each row that is shown. */
  each(act) {
    for (const row of this.#rows.values()) act(row.element, row);
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
      const row = known ?? this.#makeRow(key, now);
      this.#rows.set(key, row);
      before.delete(key);
      if (!known && !all && added.has(key)) row.element.classList.add("new");
      if (!known || all || changed.has(key) || added.has(key)) {
        this.#write(row, items.get(key) ?? null, known && !all && items.has(key), now);
      }
    }
    for (const row of before.values()) row.element.remove();
    this.#walk();
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

  #makeRow(key, now) {
    const element = make("div", { class: "row", role: "row", part: "row", tabindex: -1 });
    const row = { key, element, cells: [], goneAt: null, at: now, gap: null, decimals: 0 };
    this.#byElement.set(element, row);
    return row;
  }

  #addCell(row, column, at) {
    const role = at === 0 ? "rowheader" : "gridcell";
    const node = document.createTextNode("");
    const element = make("div", { class: `cell c${at}`, part: `cell ${column.part}`, role });
    const cell = { element, node, text: "", value: undefined, base: `cell c${at}`, turn: 0, at: -Infinity };
    if (column.make) element.append(cell.inner = column.make());
    else if (column.link) element.append(cell.inner = make("a", { rel: "noopener noreferrer nofollow", target: "_blank" }, node));
    else element.append(node);
    row.cells.push(cell);
    row.element.append(element);
  }

  #write(row, item, mayFlash, now) {
    if (item) this.#on.prepare?.(item, row);
    for (let at = row.cells.length; at < this.#columns.length; at++) this.#addCell(row, this.#columns[at], at);
    if (mayFlash) {
      row.gap = row.gap === null ? now - row.at : row.gap * 0.8 + (now - row.at) * 0.2;
      row.at = now;
    }
    let hasFlashed = false;
    this.#columns.forEach((column, at) => {
      const cell = row.cells[at];
      if (column.draw) return column.draw(cell.inner, item, row);
      const text = item ? column.text(item, row) : at === 0 ? String(row.key) : "–";
      if (text === cell.text) return;
      const value = item ? column.value(item) : undefined;
      const flashes = mayFlash && !column.quiet && !(column.follows && hasFlashed);
      hasFlashed ||= flashes;
      this.#dye(cell, column, item, flashes ? value : undefined, now);
      cell.node.data = cell.text = text;
      cell.value = value;
      if (text.length > column.width) cell.element.title = text;
      if (column.link) cell.inner.toggleAttribute("href", isLink(value));
      if (column.link && isLink(value)) cell.inner.href = value;
    });
  }

  #dye(cell, column, item, value, now) {
    const tone = WAYS[column.way && item ? column.way(item) : 0];
    if (value !== undefined) {
      const step = typeof value === "number" && typeof cell.value === "number" ? Math.sign(value - cell.value) : 0;
      cell.way = step < 0 ? "fall" : step > 0 ? "rise" : "";
      if (now - cell.at >= FLASH_MS.again) {
        cell.turn = now - cell.at > FLASH_MS.whole ? 1 : 5 - Math.max(2, cell.turn);
        cell.at = now;
      }
    } else [cell.turn, cell.at, cell.way] = [0, -Infinity, ""];
    const name = `${cell.base} ${tone}${cell.turn ? ` f${cell.turn} ${cell.way}` : ""}`;
    if (cell.element.className !== name) cell.element.className = name;
  }

  #strike(removed, items, now, all) {
    for (const key of removed) {
      const row = this.#rows.get(key);
      if (!row || items.has(key)) continue;
      this.#rows.delete(key);
      row.goneAt = now;
      row.element.className = "row gone";
      row.element.tabIndex = -1;
      this.#gone.push(row);
    }
    const most = all ? 0 : GONE_MOST;
    while (this.#gone.length > most || now - this.#gone[0]?.goneAt > GONE_MS) this.#gone.shift().element.remove();
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
