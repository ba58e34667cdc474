// <stream-table>: any channel as a table; its columns are found, or named by `fields`.

import { Columns, decimalsOfRow, padding } from "../columns.js";
import { cellText } from "../format.js";
import { sorted } from "../stream.js";
import { soon } from "./beat.js";
import { define, StreamElement } from "./element.js";
import { Grid } from "./grid.js";
import { sheet } from "./make.js";
import { ordered, orderOf } from "./order.js";

const MOST_ROWS = 500;

// The key stays in sight where the columns are wider than the table. Not in a watchlist, whose columns
// give way: it costs half a millisecond a frame.
const held = sheet(`
.row:not(:hover,[aria-selected],.head){background:var(--bg)}
.c0{position:sticky;inset-inline-start:0;z-index:1;background:inherit;max-width:45cqw}
`);

export class StreamTable extends StreamElement {
  static get sheets() { return [...Grid.sheets, held]; }
  #grid;
  #columns = new Columns();

  build() {
    this.#grid = new Grid(this.name, {
      choose: (key) => this.send("stream-select", { key, item: this.view.items.get(key) ?? null }),
      sort: () => {
        this.#grid.showSort(orderOf(this.view.sort));
        this.#grid.resort();
        soon(this);
      },
      again: () => soon(this),
      prepare: (item, row) => {
        row.decimals = Math.max(row.decimals, decimalsOfRow(this.#columns.shown, item));
      },
    });
    this.shadowRoot.adoptedStyleSheets.push(this.#grid.sheet);
    return [this.#grid.node];
  }

  reset() {
    this.#grid.clear();
    this.#columns.clear(null);
    this.#grid.table.ariaLabel = this.name;
  }

  show(dirty, now) {
    const { items, key } = this.view;
    if (this.#columns.key !== key) this.#columns.clear(key);
    let isWider = false;
    for (const one of dirty.all ? items.keys() : [...dirty.added, ...dirty.changed]) {
      if (items.has(one)) isWider = this.#columns.learn(items.get(one)) || isWider;
    }
    if (isWider || dirty.all) this.#layOut();
    this.#grid.show(items, dirty, now, () => this.#arrange());
    if (isWider && !dirty.all) this.refresh();
  }

  second() {
    if (this.#grid.busy) soon(this);
  }

  summary(count) {
    return `${this.name}: ${count} changes, ${this.view?.items.size ?? 0} rows`;
  }

  #layOut() {
    this.#columns.settle();
    const found = this.#columns.shown;
    const asked = this.wantedFields;
    const named = asked?.map((field) => found.find((column) => column.field === field)).filter(Boolean);
    this.#grid.setColumns((named ?? found).map((column, at) => ({
      field: column.field, label: column.field, part: column.nested ? "nested" : "",
      width: column.width, number: column.number && at > 0,
      grow: !column.number, link: column.link, value: (item) => item[column.field],
      text: (item, row) => cellText(item[column.field], padding(column, row.decimals)),
    })));
    this.#grid.showSort(orderOf(this.view.sort));
  }

  // In order of arrival the newest stands last, and is what must be seen where there are too many.
  #arrange() {
    const most = this.max ?? MOST_ROWS;
    const { sort } = this.#grid;
    if (sort) return ordered(this.view.items, sort).slice(0, most);
    const keys = sorted(this.view).map(([key]) => key);
    return this.view.sort ? keys.slice(0, most) : keys.slice(-most);
  }
}

define("stream-table", StreamTable);
