// Which fields of a channel become columns, in what order and how wide. Learns from the items it is
// shown and only ever grows, so that a longer number moves nothing twice. Touches no page.

import { cellText, decimalsOf, isLink, isNested, isNumeric } from "./format.js";

const MOST = 12;
const MOSTLY = 0.8; // the share from which on a column is taken for one of numbers, or of like decimals
const LONG = 28; // texts from so many characters on stand after the short ones
const LEAST_CH = 5;
const WIDEST_CH = { key: 24, number: 24, text: 44, nested: 26, link: 18 };
const ROW_PAD_CH = 3; // room for ".00" where only the row knows
const WIDER = { key: 1.15, text: 0.9 }; // bold, and letters, by the digit that widths are measured in
const RANKS = { key: 0, number: 1, text: 1, nested: 3, link: 4 }; // 2: long texts; 5: nothing at all

export class Columns {
  #fields = new Map();
  #known = new WeakSet(); // items that were learned from
  #key;
  shown = [];

  /** Takes note of an item. */
  learn(item) {
    if (this.#known.has(item)) return;
    this.#known.add(item);
    for (const [field, value] of Object.entries(item)) {
      const column = this.#fields.get(field) ?? newColumn(field);
      this.#fields.set(field, column);
      if ((value ?? null) !== null) grow(column, value);
    }
  }

  /** All that the layout depends on, as a text. */
  get breadth() {
    const all = [...this.#fields.values()];
    return all.map(({ number, nested, link, decimals, chars, head }) => [number, nested, link, decimals, chars, head]).join();
  }

  /** Settles the columns of items with this key: what is shown stays where it is, new fields go to the end. */
  settle(key) {
    if (this.#key !== key) this.shown = [];
    this.#key = key;
    const all = [...this.#fields.values()];
    for (const column of all) this.#measure(column);
    const rest = all.filter((column) => !this.shown.includes(column));
    this.shown = [...this.shown, ...rest.sort((a, b) => a.rank - b.rank)].slice(0, MOST);
  }

  #measure(column) {
    const { field, chars, decimals, head } = column;
    const kind = this.#kind(column);
    column.byRow = !isAlike(column);
    const padded = column.byRow ? chars + ROW_PAD_CH : head + 1 + decimals;
    const wanted = Math.ceil((decimals > 0 ? Math.max(chars, padded) : chars) * (WIDER[kind] ?? 1));
    column.width = Math.max(LEAST_CH, field.length + 2, Math.min(wanted, WIDEST_CH[kind]));
    // Time and source are read before a headline, and a headline before a link.
    const isLong = kind === "text" && chars > LONG;
    column.rank = field === this.#key ? 0 : chars === 0 ? 5 : isLong ? 2 : RANKS[kind];
  }

  #kind({ field, link, nested, number }) {
    if (field === this.#key && !link) return "key";
    return nested ? "nested" : link ? "link" : number ? "number" : "text";
  }
}

function newColumn(field) {
  const kind = { number: true, nested: false, link: false };
  return { field, ...kind, values: 0, numbers: 0, decimals: 0, counts: [], chars: 0, head: 0 };
}

function grow(column, value) {
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
}

// Shares and currencies in one column differ in decimals by nature; 1.5 among 1.25s only lacks a zero.
function isAlike({ counts, decimals }) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return (counts[decimals] ?? 0) + (counts[decimals - 1] ?? 0) >= all * MOSTLY;
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
