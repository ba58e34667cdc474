// Sums below the columns of a table, in a row that stays in sight.

import { setText } from "../dom.js";
import { decimalsOf } from "../format.js";
import { make, part, sheet } from "./make.js";
import { isNumber } from "./text.js";

const DIGITS = 12; // of a sum of values with more decimals than anybody reads

const totalsLook = sheet(`
.bottom{position:sticky;bottom:0;z-index:1}
.bottom .totals{font-weight:600;background:var(--side);border-top:var(--hair)}
`);

/** Puts the row below those of `root`; answers `show(columns, fields, items)`, which sums these fields of all items. */
export function newTotals(root) {
  const row = part("totals", "div", { class: "row totals", role: "row" });
  root.querySelector(".rows").after(make("div", { class: "bottom", role: "rowgroup" }, row));
  root.adoptedStyleSheets.push(totalsLook);

  return (columns, fields, items) => {
    row.hidden = fields.length === 0;
    if (row.children.length !== columns.length) row.replaceChildren(...columns.map(newCell));
    columns.forEach((column, at) => {
      const { field, text } = column;
      const isSummed = fields.includes(field);
      const told = isSummed ? text({ [field]: sum(items, field) }, { decimals: 0 }) : at === 0 ? "Total" : "";
      setText(row.children[at], told);
    });
  };
}

function newCell(_, at) {
  return make("div", { class: `cell c${at}`, part: "cell", role: at === 0 ? "rowheader" : "gridcell" });
}

// To the decimals of what is summed, for 0.1 and 0.2 are not 0.30000000000000004.
function sum(items, field) {
  const values = [...items.values()].map((item) => item[field]).filter(isNumber);
  const all = values.reduce((sum, value) => sum + value, 0);
  const decimals = values.map((value) => (Number.isInteger(value) ? 0 : decimalsOf(value) || Infinity));
  const most = decimals.reduce((one, other) => Math.max(one, other), 0);
  return Number(most === Infinity ? all.toPrecision(DIGITS) : all.toFixed(most));
}
