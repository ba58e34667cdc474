// Rows as text that a spreadsheet takes: a line each, tabulators between the values.

import { isNumeric } from "../format.js";

/** `items` in these columns, below a line with the names of the fields. Numbers are as the source gave them. */
export function tsv(columns, items) {
  const fields = columns.filter(({ draw }) => !draw).flatMap(({ field, beside }) => (beside ? [field, beside] : [field]));
  return [fields.map(written), ...items.map((item) => fields.map((field) => written(item[field])))]
    .map((cells) => cells.join("\t")).join("\n");
}

// What somebody else wrote must not become a formula where it is pasted.
function written(value) {
  if ((value ?? null) === null) return "";
  const text = (typeof value === "object" ? JSON.stringify(value) : String(value)).replace(/\s+/g, " ");
  return /^ ?[=+@-]/.test(text) && !isNumeric(value) ? `'${text}` : text;
}
