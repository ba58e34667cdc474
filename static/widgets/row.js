// One row of a grid: its cells and their texts.

import { make, part } from "./make.js";
import { way } from "./text.js";

const WAYS = ["down", "", "up"];

/** An empty row for the item with this key; `tick` and `write` keep it up to date. */
export function newRow(key, now) {
  const cells = [];
  const element = part("row", "div", { role: "row", tabindex: -1 });
  const row = { key, element, tick, write, isSeen, at: now, gap: null, decimals: 0 };

  /** Whether it is in sight; the grid's observer says so. */
  function isSeen() {
    return element.isSeen !== false;
  }

  /** Takes note that the item changed: when, and how many ms lie between changes on average. */
  function tick(now) {
    const past = now - row.at;
    row.gap = row.gap === null ? past : row.gap * 0.8 + past * 0.2;
    row.at = now;
  }

  /** Writes the texts that are others now; no item: there is none with this key. `tint`, where given, shows it. */
  function write(columns, item, tint, now) {
    let hasFlashed = false;
    columns.forEach((column, at) => {
      const cell = cells[at] ??= newCell(element, column, at);
      if (column.draw) return column.draw(row, cell.element);
      const text = item ? column.text(item, row) : at === 0 ? String(key) : "–";
      if (text === cell.text) return;
      const value = item?.[column.field];
      const flashes = tint && !column.quiet && !(column.follows && hasFlashed);
      hasFlashed ||= flashes;
      if (!flashes) [cell.turn, cell.at] = [0, -Infinity];
      const look = `${cell.base} ${WAYS[(column.signed ? way(value) : 0) + 1]}${flashes ? tint(cell, value, now) : ""}`;
      if (cell.element.className !== look) cell.element.className = look;
      cell.node.data = cell.text = text;
      cell.value = value;
      if (text.length > column.width) cell.element.title = text;
      column.aim?.(cell.inner, value);
    });
  }

  return row;
}

function newCell(row, column, at) {
  const node = document.createTextNode("");
  const inner = column.wrap?.(node) ?? node;
  const base = `cell c${at}`;
  const role = at === 0 ? "rowheader" : "gridcell";
  const element = make("div", { class: base, part: `cell ${column.part}`, role }, inner);
  row.append(element);
  return { element, inner, node, base, text: "", turn: 0, at: -Infinity };
}
