// The lines of a watchlist: what each row's price was, and when it is drawn anew.

import { History } from "./history.js";
import { drawSpark, newSpark, sparkLook } from "./spark.js";

const POINTS = { most: 60, every_s: 2 };
const DRAWN = { frame: 24, every_ms: 1_000 }; // at most so many a frame, each once a second

/** Lines within `root`: `take` notes the values, `draw` puts lines into cells. */
export function newSparks(root) {
  const history = new History(POINTS.most, POINTS.every_s);
  root.adoptedStyleSheets.push(sparkLook);

  function take(keys, kind, view) {
    if (kind === "snapshot") history.keep(keys);
    history.take(keys, kind, view, "last");
  }

  /** Draws the lines of `waiting`, a Map of row → cell, that are due; whether it could not get to all of these. */
  function draw(waiting, items, now) {
    let left = DRAWN.frame;
    for (const [row, cell] of waiting) {
      if (!row.element.isConnected) waiting.delete(row);
      if (!row.isSeen() || now - (row.drawnAt ?? -Infinity) < DRAWN.every_ms) continue;
      if (left-- === 0) return true;
      waiting.delete(row);
      row.drawnAt = now;
      row.svg ??= cell.appendChild(newSpark());
      drawSpark(row.svg, history.of(row.key), items.get(row.key)?.prev_close);
    }
    return false;
  }

  return { take, draw, clear: () => history.keep([]) };
}
