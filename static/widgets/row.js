// One row of a grid: its cells, their texts, and the tint of what changed.

import { isLink } from "../format.js";
import { make } from "./make.js";

const FLASH_MS = { again: 250, whole: 1_500 }; // at most four a second in one cell
const WAYS = { "-1": "down", 0: "", 1: "up" };

export class Row {
  cells = [];
  goneAt = null; // when it was removed
  gap = null; // ms between changes, on average
  decimals = 0;
  isSeen = true;

  constructor(key, now) {
    this.key = key;
    this.at = now; // of the last change
    this.element = make("div", { class: "row", role: "row", part: "row", tabindex: -1 });
  }

  /** Takes note that the item changed. */
  tick(now) {
    this.gap = this.gap === null ? now - this.at : this.gap * 0.8 + (now - this.at) * 0.2;
    this.at = now;
  }

  /** Writes the texts that are others now; null: there is no such item. */
  write(columns, item, mayFlash, now) {
    for (let at = this.cells.length; at < columns.length; at++) this.#addCell(columns[at], at);
    let hasFlashed = false;
    columns.forEach((column, at) => {
      const cell = this.cells[at];
      if (column.draw) return column.draw(cell.inner, item, this);
      const text = item ? column.text(item, this) : at === 0 ? String(this.key) : "–";
      if (text === cell.text) return;
      const value = item ? column.value(item) : undefined;
      const flashes = mayFlash && !column.quiet && !(column.follows && hasFlashed);
      hasFlashed ||= flashes;
      dye(cell, item && column.way ? column.way(item) : 0, flashes ? value : undefined, now);
      cell.node.data = cell.text = text;
      cell.value = value;
      if (text.length > column.width) cell.element.title = text;
      if (!column.link) return;
      if (isLink(value)) cell.inner.href = value;
      else cell.inner.removeAttribute("href");
    });
  }

  #addCell(column, at) {
    const node = document.createTextNode("");
    const base = `cell c${at}`;
    const role = at === 0 ? "rowheader" : "gridcell";
    const element = make("div", { class: base, part: `cell ${column.part}`, role });
    const link = { rel: "noopener noreferrer nofollow", target: "_blank" };
    const inner = column.make?.() ?? (column.link ? make("a", link, node) : node);
    element.append(inner);
    this.element.append(element);
    this.cells.push({ element, inner, node, base, text: "", value: undefined, turn: 0, at: -Infinity, way: "" });
  }
}

// Of two names for one animation each starts it anew; the first has a way in, the others stand in it.
function dye(cell, way, value, now) {
  if (value !== undefined) {
    const isNumber = typeof value === "number" && typeof cell.value === "number";
    cell.way = !isNumber || value === cell.value ? "" : value < cell.value ? "fall" : "rise";
    if (now - cell.at >= FLASH_MS.again) {
      cell.turn = now - cell.at > FLASH_MS.whole ? 1 : cell.turn === 2 ? 3 : 2;
      cell.at = now;
    }
  } else [cell.turn, cell.at, cell.way] = [0, -Infinity, ""];
  const name = `${cell.base} ${WAYS[way]}${cell.turn ? ` f${cell.turn} ${cell.way}` : ""}`;
  if (cell.element.className !== name) cell.element.className = name;
}
