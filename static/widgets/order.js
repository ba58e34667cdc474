// Rows brought into an order of the reader's own: one is dragged at its first cell, or moved step by step.

import { sheet } from "./make.js";

const START_PX = 4; // so far up or down, and it is no longer a click
const EDGE_PX = 30; // of the list, where it scrolls by itself
const SCROLL_PX = 8; // a frame

export const orderLook = sheet(`
.rows .c0{cursor:grab}
@media (pointer:coarse){.rows .row{user-select:none;-webkit-user-select:none;-webkit-touch-callout:none}}
.moving{user-select:none}
.moving .row,.moving .c0{cursor:grabbing}
.rows .row.held{background:var(--mark);outline:2px solid var(--accent);outline-offset:-2px}
`);

/** Moves a row by so many places, as far as there are any, and says where it stands then. */
export function moveBy(grid, row, step) {
  const keys = [...grid.rows.keys()];
  const from = keys.indexOf(row.key);
  const to = within(from + step, keys);
  if (from < 0 || to === from) return;
  grid.reorder(moved(keys, from, to));
  row.element.scrollIntoView({ block: "nearest" });
  grid.say(`${row.key}: ${to + 1} of ${keys.length}`);
}

/** Lets a row follow the pointer that was pressed on it; Escape puts it back. */
export function drag(grid, row, { pointerId, clientY }) {
  const body = row.element.parentNode;
  const scroll = body.closest(".scroll");
  const ended = new AbortController();
  let [y, isMoving] = [clientY, false];
  const on = (type, act) => addEventListener(type, act, { capture: true, signal: ended.signal });

  on("pointermove", (event) => {
    if (event.pointerId !== pointerId) return;
    if (!(event.buttons & 1)) return end(false);
    y = event.clientY;
    if (!isMoving && Math.abs(y - clientY) > START_PX) begin();
  });
  on("pointerup", (event) => event.pointerId === pointerId && end(true));
  on("pointercancel", (event) => event.pointerId === pointerId && end(false));
  on("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(false);
  });
  on("selectstart", (event) => isMoving && event.preventDefault());

  function begin() {
    isMoving = true;
    grid.hold(Infinity);
    body.setPointerCapture(pointerId);
    getSelection()?.removeAllRanges();
    mark(true);
    requestAnimationFrame(follow);
  }

  function follow() {
    if (!isMoving) return;
    const seen = scroll.getBoundingClientRect();
    if (y < seen.top + EDGE_PX) scroll.scrollTop -= SCROLL_PX;
    if (y > seen.bottom - EDGE_PX) scroll.scrollTop += SCROLL_PX;
    place();
    requestAnimationFrame(follow);
  }

  // A row may have come or gone since the last frame.
  function place() {
    const keys = [...grid.rows.keys()];
    const from = keys.indexOf(row.key);
    if (from < 0 || !row.element.isConnected) return end(false);
    const to = within(Math.floor((y - body.getBoundingClientRect().top) / row.element.offsetHeight), keys);
    if (to !== from) grid.stand(moved(keys, from, to));
  }

  function end(isMeant) {
    ended.abort();
    if (!isMoving) return;
    if (isMeant && row.element.isConnected) place();
    isMoving = false;
    mark(false);
    if (isMeant && grid.rows.has(row.key)) grid.reorder([...grid.rows.keys()]);
    grid.hold(isMeant ? 0 : -Infinity);
  }

  function mark(isOn) {
    body.classList.toggle("moving", isOn);
    row.element.classList.toggle("held", isOn);
  }
}

function within(at, keys) {
  return Math.min(Math.max(at, 0), keys.length - 1);
}

function moved(keys, from, to) {
  const [key] = keys.splice(from, 1);
  keys.splice(to, 0, key);
  return keys;
}
