// Which fields of a channel become columns, in what order and how wide. Learns from the items it is
// shown and only ever grows, so that a longer number moves nothing twice. Touches no page.

import { cellText, decimalsOf, isLink, isNested, isNumeric } from "./format.js";

const MOST = 12;
const MOSTLY = 0.8; // the share from which on a column is taken for one of numbers, or of like decimals
const LONG = 28; // texts from so many characters on stand after the short ones
const WIDTH_CH = { least: 5, key: 24, number: 24, text: 44, nested: 26, link: 18 };
const ROW_PAD_CH = 3; // room for ".00" where only the row knows
const BOLD = 1.15;
const PROSE = 0.9; // letters are narrower than the digit that `ch` is measured by

export class Columns {
  #fields = new Map();
  key = null;
  shown = [];

  clear(key) {
    this.#fields.clear();
    this.key = key;
    this.shown = [];
  }

  /** Fields that have no column. */
  get left() {
    return this.#fields.size - this.shown.length;
  }

  /** Takes note of an item; says whether the layout is another one now. */
  learn(item) {
    let grown = false;
    for (const [field, value] of Object.entries(item)) {
      const known = this.#fields.get(field);
      if (!known) this.#fields.set(field, newColumn(field));
      grown = grow(known ?? this.#fields.get(field), value) || grown || !known;
    }
    return grown;
  }

  /** Settles the columns: what is shown stays where it is, new fields go to the end. */
  settle() {
    const taken = new Set(this.shown);
    for (const column of this.#fields.values()) this.#measure(column);
    const rest = [...this.#fields.values()].filter((column) => !taken.has(column));
    rest.sort((a, b) => this.#rank(a) - this.#rank(b));
    this.shown = [...this.shown, ...rest].slice(0, MOST);
  }

  #measure(column) {
    const kind = this.#kind(column);
    column.byRow = !isAlike(column);
    const most = WIDTH_CH[kind];
    const padded = column.byRow ? column.chars + ROW_PAD_CH : column.head + 1 + column.decimals;
    const chars = column.decimals > 0 ? Math.max(column.chars, padded) : column.chars;
    const wanted = Math.ceil(chars * ({ key: BOLD, text: PROSE }[kind] ?? 1));
    column.width = Math.max(WIDTH_CH.least, column.field.length + 2, Math.min(wanted, most));
    column.fills = kind === "text" && wanted > most;
  }

  #kind(column) {
    if (column.field === this.key && !column.link) return "key";
    return ["nested", "link"].find((kind) => column[kind]) ?? (column.number ? "number" : "text");
  }

  #rank(column) {
    // Short ones first: time and source are read before a headline, and a headline before a link.
    if (column.field === this.key) return 0;
    if (column.chars === 0) return 5;
    return column.link ? 4 : column.nested ? 3 : column.number || column.chars <= LONG ? 1 : 2;
  }
}

function newColumn(field) {
  const kind = { number: true, nested: false, link: false };
  const seen = { values: 0, numbers: 0, decimals: 0, counts: [], chars: 0, head: 0 };
  return { field, ...kind, ...seen, width: 0, byRow: false, fills: false };
}

function grow(column, value) {
  if (value === null || value === undefined) return false;
  const before = shape(column);
  column.values += 1;
  column.numbers += isNumeric(value) ? 1 : 0;
  column.number = column.numbers >= column.values * MOSTLY;
  column.nested ||= isNested(value);
  column.link ||= isLink(value);
  if (typeof value === "number") {
    const decimals = decimalsOf(value);
    column.decimals = Math.max(column.decimals, decimals);
    column.counts[decimals] = (column.counts[decimals] ?? 0) + 1;
    column.head = Math.max(column.head, String(Math.trunc(value)).length + (value < 0 && value > -1));
  }
  column.chars = Math.max(column.chars, cellText(value).length);
  return before !== shape(column);
}

function shape({ number, nested, link, decimals, chars, head }) {
  return [number, nested, link, decimals, chars, head].join();
}

// Shares and currencies in one column differ in decimals by nature; 1.5 among 1.25s only lacks a zero.
function isAlike({ counts, decimals }) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const near = (counts[decimals] ?? 0) + (counts[decimals - 1] ?? 0);
  return near >= all * MOSTLY;
}

/** To how many decimals a cell is padded: as its column, or as its row where instruments differ. */
export function padding(column, row) {
  return column.byRow ? row : column.decimals;
}

/** How many decimals an item needs in the columns that are padded by row. */
export function decimalsOfRow(columns, item) {
  const values = columns.filter(({ byRow }) => byRow).map(({ field }) => item[field]);
  return Math.max(0, ...values.filter((value) => typeof value === "number").map(decimalsOf));
}
