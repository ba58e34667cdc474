// <stream-table>: any channel as a table; its columns are found, or named by `fields`.

import { Columns, decimalsOfRow, padding } from "../columns.js";
import { cellText, isLink } from "../format.js";
import { define, listOf } from "./element.js";
import { GridElement } from "./grid.js";
import { gridLook } from "./gridlook.js";
import { later } from "./later.js";
import { aim, linkLook, newLink } from "./link.js";
import { sheet } from "./make.js";

// The key stays in sight where the columns are wider than the table. Not in a watchlist, whose columns
// give way: it costs half a millisecond a frame.
const look = sheet(`
.row:not(:hover,[aria-selected],.head){background:var(--bg)}
.c0{position:sticky;inset-inline-start:0;z-index:1;background:inherit;max-width:45cqw}
.rows a[href]{color:var(--accent)}
.cell[part~=nested]{color:var(--dim)}
`);
const LINK = {
  wrap: (node) => newLink({}, node),
  aim: (link, value) => aim(link, isLink(value) && value),
};

export class StreamTable extends GridElement {
  #columns = new Columns();
  #showTotals = null;

  reset() {
    super.reset();
    this.#columns = new Columns();
  }

  get breadth() {
    return this.#columns.breadth;
  }

  learn(item, row) {
    this.#columns.learn(item);
    row.decimals = Math.max(row.decimals, decimalsOfRow(this.#columns.shown, item));
  }

  show(dirty, now) {
    super.show(dirty, now);
    if (this.totals || this.#showTotals) this.#sum();
  }

  #sum() {
    if (this.#showTotals) return this.#showTotals(this.shown, listOf(this.totals) ?? [], this.view.items);
    this.#showTotals = () => {};
    later(() => import("./totals.js"), ({ newTotals }) => {
      this.#showTotals = newTotals(this.shadowRoot);
      this.soon();
    });
  }

  summary(count) {
    return `${this.name}: ${count} changes, ${this.view?.items.size ?? 0} rows`;
  }

  columns() {
    this.#columns.settle(this.view.key);
    const found = this.#columns.shown;
    const asked = this.wantedFields?.map((field) => found.find((column) => column.field === field)).filter(Boolean);
    return (asked ?? found).map((column, at) => {
      const { field, width, number, link } = column;
      const text = (item, row) => cellText(item[field], padding(column, row.decimals));
      const part = column.nested ? "nested" : "";
      const isRight = number && at > 0;
      return { field, label: field, part, width, number: isRight, grow: !number, text, ...(link ? LINK : {}) };
    });
  }
}

define("stream-table", StreamTable, [gridLook, linkLook, look], ["order", "totals"]);
