// One row of a grid: its cells, their texts, and the tint of what changed.

import { isLink } from "../format.js";
import { aim, make, newLink } from "./make.js";
import { isNumber, way } from "./text.js";

const FLASH_MS = { again: 250, whole: 1_500 }; // at most four a second in one cell
const WAYS = ["down", "", "up"]; // what the value is,
const STEPS = ["fall", "", "rise"]; // and where it went

export class Row {
  gap = null; // ms between changes, on average
  decimals = 0;
  #cells = [];

  constructor(key, now) {
    this.key = key;
    this.at = now; // of the last change
    this.element = make("div", { class: "row", role: "row", part: "row", tabindex: -1 });
  }

  /** Whether it is in sight; the grid's observer says so. */
  get isSeen() {
    return this.element.isSeen !== false;
  }

  /** Takes note that the item changed. */
  tick(now) {
    this.gap = this.gap === null ? now - this.at : this.gap * 0.8 + (now - this.at) * 0.2;
    this.at = now;
  }

  /** Writes the texts that are others now; null: there is no such item. */
  write(columns, item, mayFlash, now) {
    let hasFlashed = false;
    columns.forEach((column, at) => {
      const cell = this.#cells[at] ??= this.#newCell(column, at);
      if (column.draw) return column.draw(this, cell.element);
      const text = item ? column.text(item, this) : at === 0 ? String(this.key) : "–";
      if (text === cell.text) return;
      const value = item?.[column.field];
      const flashes = mayFlash && !column.quiet && !(column.follows && hasFlashed);
      hasFlashed ||= flashes;
      dye(cell, column.signed ? way(value) : 0, flashes ? value : undefined, now);
      cell.node.data = cell.text = text;
      cell.value = value;
      if (text.length > column.width) cell.element.title = text;
      if (column.link) aim(cell.link, isLink(value) && value);
    });
  }

  #newCell(column, at) {
    const node = document.createTextNode("");
    const link = column.link && newLink({}, node);
    const base = `cell c${at}`;
    const role = at === 0 ? "rowheader" : "gridcell";
    const element = make("div", { class: base, part: `cell ${column.part}`, role }, link || node);
    this.element.append(element);
    return { element, link, node, base, text: "", value: undefined, turn: 0, at: -Infinity };
  }
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
