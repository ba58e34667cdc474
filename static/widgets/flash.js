// How a change shows in a grid: 120 ms in, held to 500 ms, gone after 1.5 s. Loaded after the first paint, in
// which nothing is a change.

import { sheet } from "./make.js";
import { isNumber } from "./text.js";

const FLASH_MS = { again: 250, whole: 1_500 }; // at most four a second in one cell
const STEPS = ["fall", "", "rise"];
const GONE_MOST = 40; // rows that are going

export const flashLook = sheet(`
.f1,.f2{--tint:var(--accent);animation:f1 1.5s linear}
.f2{animation-name:f2}
.again{animation-delay:-.12s}
.rise{--tint:var(--up)}
.fall{--tint:var(--down)}
@keyframes f1{8%,33%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes f2{8%,33%{color:var(--ink);background:color-mix(in srgb,var(--tint) 26%,transparent)}}
@keyframes new{from{background:color-mix(in srgb,var(--accent) 28%,transparent)}}
@keyframes gone{87%{height:var(--row)}to{height:0;border-width:0}}
.new{animation:new .3s ease-out}
.gone{animation:gone 2.3s forwards;text-decoration:line-through;opacity:.55}
@media (prefers-reduced-motion:reduce){
.f1,.f2{animation-duration:1s;animation-delay:0s}
@keyframes f1{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes f2{from,to{box-shadow:inset 3px 0 var(--tint);font-weight:600}}
@keyframes gone{from,to{height:var(--row)}}
.new{animation:none}}
@media (forced-colors:active){
.f1,.f2{animation-duration:1s;animation-delay:0s}
@keyframes f1{from,to{outline:1px solid;outline-offset:-2px}}
@keyframes f2{from,to{outline:1px solid;outline-offset:-2px}}}
`);

/**
 * Shows changes within `body`: `tint` answers the classes of a cell that becomes `value`, `strike` lets rows of
 * items that are no more go visibly. `drop(element)` takes away what has gone.
 */
export function newFlash(root, body, drop) {
  const gone = body.getElementsByClassName("gone");
  root.adoptedStyleSheets.push(flashLook);
  body.addEventListener("animationend", ({ target }) => { if (target.matches(".gone")) drop(target); });

  function strike(rows, items, touched) {
    for (const key of touched) {
      const row = rows.get(key);
      if (!row || items.has(key)) continue;
      rows.delete(key);
      row.element.className = "row gone";
      row.element.tabIndex = -1;
    }
    while (gone.length > GONE_MOST) drop(gone[0]);
  }

  return { tint, strike };
}

// Of two names for one animation each starts it anew; where it was under way it begins with its colour.
function tint(cell, value, now) {
  const past = now - cell.at;
  if (past >= FLASH_MS.again) {
    [cell.turn, cell.at] = [cell.turn === 1 ? 2 : 1, now];
    cell.again = past > FLASH_MS.whole ? "" : "again";
  }
  const step = isNumber(value) && isNumber(cell.value) ? Math.sign(value - cell.value) : 0;
  return ` f${cell.turn} ${cell.again} ${STEPS[step + 1]}`;
}
