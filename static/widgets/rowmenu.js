// What can be done with a row of a grid, as a menu.

import { isLink } from "../format.js";
import { copyText } from "./clip.js";
import { menuLook, openMenu } from "./menu.js";
import { moveBy } from "./order.js";

const COPY_KEYS = /^(Mac|iP)/.test(navigator.platform) ? "Meta+C" : "Control+C";

/**
 * Opens it at `x`, `y` for `row`, and for all `selected` where it is one of them. `head` is that of the column in
 * which it was asked for, null = in none; `textOf(rows)` is what is copied.
 */
export function openRowMenu(grid, { row, selected, head, textOf, x, y }) {
  const { shadowRoot, view } = grid;
  const { adoptedStyleSheets } = shadowRoot;
  if (!adoptedStyleSheets.includes(menuLook)) adoptedStyleSheets.push(menuLook);
  const rows = selected.includes(row) ? selected : [row];
  const url = linkOf(view.items.get(row.key));
  const sort = head?.querySelector("button");
  const copy = (which) => copyText(textOf(which));
  const entries = [
    [rows.length > 1 ? `Copy ${rows.length} rows` : "Copy row", () => copy(rows), COPY_KEYS],
    ["Copy all rows", () => copy([...grid.rows.values()])],
    sort && [`Sort by ${sort.textContent}`, () => sort.click()],
    ["Move to the top", () => moveBy(grid, row, -Infinity)],
    ["Move up", () => moveBy(grid, row, -1), "Alt+ArrowUp"],
    ["Move down", () => moveBy(grid, row, 1), "Alt+ArrowDown"],
    url && ["Open link", () => open(url, "_blank", "noopener,noreferrer")],
    [grid.paused ? "Resume" : "Pause", () => { grid.paused = !grid.paused; }],
  ];
  const frame = shadowRoot.querySelector(".frame");
  openMenu(frame, { label: String(row.key), x, y, entries: entries.filter(Boolean), back: row.element });
}

function linkOf(item = {}) {
  return isLink(item.url) ? item.url : Object.values(item).find(isLink);
}
