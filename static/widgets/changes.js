// What an updated headline said before: words that went are struck through, those that came are marked.

import { make, part, sheet } from "./make.js";
import { compare } from "./words.js";

export const changesLook = sheet(`
.changes{grid-column:1/-1;display:none;padding:0 0 6px;font-size:12px;white-space:normal!important;overflow-wrap:anywhere}
.item:focus .changes,.item:focus-within .changes{display:block}
.changes dt{float:inline-start;margin-inline-end:1ch;color:var(--dim)}
.changes dt::after{content:":"}
.changes del{color:var(--dim)}
.changes ins{text-decoration:none;background:color-mix(in srgb,var(--warn) 22%,transparent)}
@media (forced-colors:active){.changes ins{text-decoration:underline}}
`);

/** A list of the fields of `was` that are others now, as they were then and as they are in `item`. */
export function changesOf(was, item) {
  const others = Object.keys(was).filter((field) => textOf(was[field]) !== textOf(item[field]));
  const lines = others.flatMap((field) => {
    const { head, gone, come, tail } = compare(textOf(was[field]), textOf(item[field]));
    const parts = [head, gone && make("del", {}, gone), come && make("ins", {}, come), tail].filter(Boolean);
    return [make("dt", {}, field), make("dd", {}, ...parts.flatMap((one, at) => (at ? [" ", one] : [one])))];
  });
  return part("changes", "dl", {}, ...lines);
}

function textOf(value) {
  return String(value ?? "");
}
