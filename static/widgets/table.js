// <stream-table>: any channel as a table; its columns are found, or named by `fields`.

import { Columns, decimalsOfRow, padding } from "../columns.js";
import { cellText } from "../format.js";
import { define } from "./element.js";
import { GridElement } from "./grid.js";
import { gridLook } from "./gridlook.js";

export class StreamTable extends GridElement {
  #columns = new Columns();

  reset() {
    super.reset();
    this.#columns = new Columns();
  }

  get breadth() {
    return this.#columns.grown;
  }

  learn(item, row) {
    this.#columns.learn(item);
    row.decimals = Math.max(row.decimals, decimalsOfRow(this.#columns.shown, item));
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
      return { field, label: field, part, width, link, number: number && at > 0, grow: !number, text };
    });
  }
}

define("stream-table", StreamTable, [gridLook]);
