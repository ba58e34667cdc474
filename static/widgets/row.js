// One row of a grid: its cells, their texts, and the tint of what changed.

import { make, part } from "./make.js";
import { isNumber, way } from "./text.js";

const FLASH_MS = { again: 250, whole: 1_500 }; // at most four a second in one cell
const WAYS = ["down", "", "up"]; // what the value is,
const STEPS = ["fall", "", "rise"]; // and where it went

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

  /** Writes the texts that are others now; no item: there is none with this key. */
  function write(columns, item, mayFlash, now) {
    let hasFlashed = false;
    columns.forEach((column, at) => {
      const cell = cells[at] ??= newCell(element, column, at);
      if (column.draw) return column.draw(row, cell.element);
      const text = item ? column.text(item, row) : at === 0 ? String(key) : "–";
      if (text === cell.text) return;
      const value = item?.[column.field];
      const flashes = mayFlash && !column.quiet && !(column.follows && hasFlashed);
      hasFlashed ||= flashes;
      dye(cell, column.signed ? way(value) : 0, flashes ? value : undefined, now);
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
  return { element, inner, node, base, text: "", value: undefined, turn: 0, at: -Infinity };
}

// Of two names for one animation each starts it anew; where it was under way it begins with its colour.
function dye(cell, sign, value, now) {
  let look = `${cell.base} ${WAYS[sign + 1]}`;
  if (value === undefined) [cell.turn, cell.at] = [0, -Infinity];
  else {
    const past = now - cell.at;
    if (past >= FLASH_MS.again) {
      [cell.turn, cell.at] = [cell.turn === 1 ? 2 : 1, now];
      cell.again = past > FLASH_MS.whole ? "" : "again";
    }
    const step = isNumber(value) && isNumber(cell.value) ? Math.sign(value - cell.value) : 0;
    look += ` f${cell.turn} ${cell.again} ${STEPS[step + 1]}`;
  }
  if (cell.element.className !== look) cell.element.className = look;
}
