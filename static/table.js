// The live table of one channel: what changed is painted once per frame into rows that are kept and
// used again. Knows nothing of links or routes; `paint` gets the channel as it is.

import { Columns, decimalsOfRow, padding } from "./columns.js";
import { element, fit, setText } from "./dom.js";
import { cellText, fullText, isLink, isNested } from "./format.js";
import { sorted } from "./reducer.js";

const MOST_ROWS = 500;
const GONE_MS = 2_000; // a removed row stays so long, struck through
const GONE_MOST = 40;
const HOLD_MS = 1_500; // rows do not change places under a moving pointer
const MANY = 2_000; // from so many items on they are sorted anew only so often:
const RESORT_MS = 500;
const DIRTY_MOST = 5_000;

export class LiveTable {
  #head; #body; #group; #caption;
  #columns = new Columns();
  #rows = new Map(); // key → row
  #byElement = new WeakMap();
  #pool = [];
  #gone = [];
  #keys = []; // shown, in order
  #all = true; // paint everything and let nothing flash
  #dirty = new Set();
  #added = new Set();
  #removed = new Set();
  #reorder = true;
  #sortedAt = -Infinity;
  #movedAt = -Infinity;
  #wider = false; // the columns are others than in the rows
  #open = null; // the key whose details are shown
  #toggled = new Set(); // keys that were opened or closed
  #detail = element("tr", "detail");

  constructor(table, onUse) {
    [this.#caption, this.#group] = [table.caption, table.querySelector("colgroup")];
    [this.#head, this.#body] = [table.tHead.rows[0], table.tBodies[0]];
    this.#detail.append(element("td"));
    this.#detail.firstChild.append(element("dl"));
    this.#body.addEventListener("pointermove", () => { this.#movedAt = performance.now(); });
    this.#body.addEventListener("pointerleave", () => { this.#movedAt = -Infinity; });
    this.#body.addEventListener("click", (event) => {
      const row = this.#byElement.get(event.target.closest("tr"));
      if (!row || row.goneAt !== null || !getSelection().isCollapsed) return;
      for (const key of [this.#open, row.key]) this.#toggled.add(key);
      this.#open = this.#open === row.key ? null : row.key;
      onUse();
    });
  }

  /** Whether it has something to do although nothing new came: removed rows, a held order. */
  get busy() {
    return this.#gone.length > 0 || this.#reorder;
  }

  /** Another channel. */
  clear(name) {
    this.#caption.textContent = `Items of ${name}`;
    this.#open = null;
    this.#columns.clear(null);
    this.#all = true;
  }

  /** Shows or hides details, and nothing else of what changed. */
  paintToggled(view) {
    for (const key of this.#toggled) {
      if (this.#rows.has(key) && view.items.has(key)) this.#write(this.#rows.get(key), view, false);
    }
    this.#toggled.clear();
    this.#place();
  }

  /** Takes note of a change, to be painted later; bounded however long that takes. */
  touch(change) {
    const many = this.#dirty.size + this.#removed.size > DIRTY_MOST;
    if (change.kind === "snapshot" || many) this.#all = true;
    if (this.#all) return this.#forget();
    for (const key of change.added) {
      this.#added.add(key);
      this.#dirty.add(key);
    }
    for (const key of change.changed) this.#dirty.add(key);
    for (const key of change.removed) this.#removed.add(key);
    this.#reorder = true;
  }

  /** Brings the page up to date; answers `{shown, total, left}`: rows, items, fields without a column. */
  paint(view, now) {
    if (this.#columns.key !== view.key) this.#columns.clear(view.key);
    if (this.#all) this.#reorder = true;
    for (const key of this.#toggled) this.#dirty.add(key);
    if (this.#open !== null && !view.items.has(this.#open)) this.#open = null;
    this.#strike(view, now);
    this.#arrange(view, now);
    this.#learn(view);
    this.#fill(view);
    this.#place();
    this.#body.parentNode.hidden = this.#columns.shown.length === 0;
    this.#all = this.#wider = false;
    this.#forget();
    this.#toggled.clear();
    return { shown: this.#keys.length, total: view.items.size, left: this.#columns.left };
  }

  #forget() {
    for (const set of [this.#dirty, this.#added, this.#removed]) set.clear();
  }

  #strike(view, now) {
    for (const key of this.#removed) {
      const row = this.#rows.get(key);
      if (!row || view.items.has(key)) continue;
      this.#rows.delete(key);
      row.goneAt = now;
      row.element.className = "gone";
      this.#gone.push(row);
    }
    const many = this.#all ? this.#gone.length : this.#gone.length - GONE_MOST;
    const over = this.#gone.findIndex((row, at) => at >= many && now - row.goneAt <= GONE_MS);
    for (const row of this.#gone.splice(0, over < 0 ? this.#gone.length : over)) this.#release(row);
  }

  #arrange(view, now) {
    if (!this.#reorder) return;
    const moved = this.#all || this.#added.size > 0 || this.#removed.size > 0;
    const wait = view.items.size > MANY ? RESORT_MS : 0;
    if (!this.#all && now - this.#sortedAt < wait) {
      this.#keys = this.#keys.filter((key) => view.items.has(key));
      return;
    }
    if (!moved && now - this.#movedAt < HOLD_MS) return;
    const pairs = sorted(view);
    const shown = view.sort ? pairs.slice(0, MOST_ROWS) : pairs.slice(-MOST_ROWS);
    this.#keys = shown.map(([key]) => key);
    this.#sortedAt = now;
    this.#reorder = false;
  }

  #learn(view) {
    for (const key of this.#keys) {
      if (!this.#all && !this.#dirty.has(key) && this.#rows.has(key)) continue;
      this.#wider = this.#columns.learn(view.items.get(key)) || this.#wider;
    }
    if (!this.#wider && !this.#all) return;
    this.#columns.settle();
    this.#layout(view);
  }

  #layout(view) {
    const columns = this.#columns.shown;
    fit(this.#group, columns.length + 1, () => element("col"));
    fit(this.#head, columns.length + 1, () => element("th"));
    let total = 0;
    columns.forEach((column, at) => {
      const width = `min(${column.width}ch + 24px, ${at === 0 ? 38 : 72}vw)`;
      total += column.width + 4;
      this.#group.children[at].style.width = column.fills ? "auto" : width;
      const cell = this.#head.children[at];
      const sort = view.sort?.replace(/^-/, "") === column.field ? view.sort : null;
      cell.scope = "col";
      cell.className = column.number && at > 0 ? "n" : "";
      cell.title = column.field;
      setText(cell, column.field + (sort ? (sort.startsWith("-") ? " ▾" : " ▴") : ""));
      if (sort) cell.ariaSort = sort.startsWith("-") ? "descending" : "ascending";
      else cell.removeAttribute("aria-sort");
    });
    const rest = this.#head.lastChild;
    rest.className = "rest";
    setText(rest, "");
    this.#group.lastChild.style.width = columns.some((column) => column.fills) ? "0" : "auto";
    this.#body.parentNode.style.minWidth = `${total}ch`;
  }

  #fill(view) {
    const kept = new Set(this.#keys);
    for (const [key, row] of this.#rows) {
      if (kept.has(key)) continue;
      this.#rows.delete(key);
      this.#release(row);
    }
    for (const key of this.#keys) {
      let row = this.#rows.get(key);
      const fresh = !row;
      if (fresh) {
        row = this.#take(key);
        if (this.#added.has(key)) row.element.className = "new";
      }
      const known = !fresh && !this.#all;
      if (!known || this.#wider || this.#dirty.has(key)) this.#write(row, view, known);
    }
  }

  #take(key) {
    const row = this.#pool.pop() ?? { element: element("tr"), cells: [], button: null };
    this.#byElement.set(row.element, row);
    Object.assign(row, { key, goneAt: null, decimals: 0 });
    row.element.className = "";
    for (const cell of row.cells) cell.value = undefined;
    this.#rows.set(key, row);
    return row;
  }

  #release(row) {
    row.element.remove();
    this.#pool.push(row);
  }

  #write(row, view, flash) {
    const item = view.items.get(row.key);
    if (!item) return;
    this.#shape(row);
    row.decimals = Math.max(row.decimals, decimalsOfRow(this.#columns.shown, item));
    this.#columns.shown.forEach((column, at) => {
      const cell = row.cells[at];
      const value = item[column.field];
      const known = isNested(value) ? JSON.stringify(value) : value;
      const base = column.number && at > 0 ? "n" : isNested(value) || value === null ? "dim" : "";
      if (flash && known !== cell.value) {
        cell.turn = cell.turn === "flash-a" ? "flash-b" : "flash-a";
        const both = typeof known === "number" && typeof cell.value === "number";
        const way = both ? (known > cell.value ? "up" : "down") : "";
        cell.element.className = `${base} ${cell.turn} ${way}`;
      } else if (!flash) cell.element.className = base;
      cell.value = known;
      const text = cellText(value, padding(column, row.decimals));
      setText(at === 0 ? row.button : cell.element, text);
    });
    row.button.ariaExpanded = String(row.key === this.#open);
    row.element.classList.toggle("open", row.key === this.#open);
    if (row.key === this.#open) this.#describe(item);
  }

  #shape(row) {
    const wanted = this.#columns.shown.length;
    if (row.cells.length === wanted) return;
    if (!row.button) {
      row.button = element("button", "key");
      row.button.type = "button";
      row.element.append(element("td", "rest"));
    }
    while (row.cells.length > wanted) row.cells.pop().element.remove();
    while (row.cells.length < wanted) {
      const cell = element(row.cells.length === 0 ? "th" : "td");
      if (row.cells.length === 0) {
        cell.scope = "row";
        cell.append(row.button);
      }
      row.element.insertBefore(cell, row.element.lastChild);
      row.cells.push({ element: cell, value: undefined, turn: "" });
    }
  }

  #describe(item) {
    const list = this.#detail.firstChild.firstChild;
    this.#detail.firstChild.colSpan = this.#columns.shown.length + 1;
    const fields = Object.entries(item);
    fit(list, fields.length * 2, (at) => element(at % 2 ? "dd" : "dt"));
    fields.forEach(([field, value], at) => {
      setText(list.children[at * 2], field);
      const place = list.children[at * 2 + 1];
      if (!isLink(value)) return setText(place, fullText(value));
      if (place.firstChild?.href === value && place.textContent === value) return;
      const link = element("a");
      Object.assign(link, { href: value, rel: "noopener noreferrer nofollow", target: "_blank" });
      link.textContent = value;
      place.replaceChildren(link);
    });
  }

  // Walks the body once; a row that is where it belongs is not touched.
  #place() {
    const focus = document.activeElement;
    let at = this.#body.firstChild;
    const skip = () => { while (at && this.#byElement.get(at)?.goneAt) at = at.nextSibling; };
    const put = (node) => {
      skip();
      if (at && node !== at && node === at.nextSibling) this.#body.append(at), (at = node);
      if (node === at) at = at.nextSibling;
      else this.#body.insertBefore(node, at);
    };
    if (!this.#rows.has(this.#open)) this.#detail.remove();
    for (const key of this.#keys) {
      const row = this.#rows.get(key);
      put(row.element);
      if (key === this.#open) put(this.#detail);
    }
    if (focus !== document.activeElement && this.#body.contains(focus)) focus.focus({ preventScroll: true });
  }
}
