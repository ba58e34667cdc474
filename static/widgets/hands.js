// What a reader does to the rows of a grid: walks them, chooses, selects, copies, moves them, asks for their
// menu. Loaded when a pointer or the focus first comes near, for a first paint needs none of it.

import { reachOne } from "./lineup.js";
import { drag, moveBy, orderLook } from "./order.js";
import { newRover } from "./rover.js";
import { Selection } from "./selection.js";
import { tsv } from "./tsv.js";

const HOLD_MS = 2_000; // how long rows keep their places after a key was pressed
const PRESS = { ms: 500, px: 10 }; // so long in one place on a screen, and it asks for the menu
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** Answers what takes an event of the rows, and its target. */
export function newHands(grid) {
  const selection = new Selection(grid);
  const rove = newRover(grid, () => grid.rows, (row) => {
    selection.only(row);
    grid.choose(row.key);
  });
  let isPressed = false; // the menu came of a press, and what ends the press is no click
  grid.shadowRoot.adoptedStyleSheets.push(orderLook);

  const rowAt = (target) => [...grid.rows.values()].find(({ element }) => element.contains(target));

  function textOf(rows) {
    const items = grid.view?.items ?? new Map();
    return tsv(grid.shown, rows.map(({ key }) => items.get(key)).filter(Boolean));
  }

  function click(event, target) {
    const { shiftKey, ctrlKey, metaKey } = event;
    const row = rowAt(target);
    if (!row || isPressed) return;
    if (shiftKey) {
      selection.extend(row);
      getSelection()?.removeAllRanges();
    } else if (ctrlKey || metaKey) selection.toggle(row);
    else rove(event, target);
  }

  // Of keys that were pressed before the hands were there each begins where the one before it led.
  function keydown(event) {
    grid.hold(HOLD_MS);
    const target = grid.shadowRoot.activeElement;
    const row = rowAt(target);
    if (row?.element !== target) return;
    const { key, altKey, shiftKey } = event;
    const isCommand = event.ctrlKey || event.metaKey;
    const step = STEPS[key];
    if (key === "ContextMenu" || (shiftKey && key === "F10")) askBelow(row);
    else if (isCommand && key === "a") selection.all();
    else if (step && altKey) moveBy(grid, row, step);
    else if (step && shiftKey) extendBy(row, step);
    else return rove(event, target);
    event.preventDefault();
  }

  function extendBy(row, step) {
    if (!selection.rows.includes(row)) selection.only(row);
    const all = [...grid.rows.values()];
    const next = all[all.indexOf(row) + step];
    if (!next) return;
    selection.extend(next);
    reach(next);
  }

  function reach(row) {
    grid.active = row.key;
    reachOne(grid.rows, row.key);
    row.element.focus();
  }

  // What the reader marked within the text is copied by the browser itself.
  function copy(event, target) {
    const row = rowAt(target);
    if (!row || String(getSelection())) return;
    event.clipboardData?.setData("text/plain", textOf(selection.rows.includes(row) ? selection.rows : [row]));
    event.preventDefault();
  }

  // For a link, and for text that is marked, the browser's own menu has more to offer.
  function contextmenu(event, target) {
    const row = rowAt(target);
    if (!row || target.closest("a[href]") || String(getSelection())) return;
    event.preventDefault();
    isPressed = event.pointerType === "touch";
    ask(row, event.clientX, event.clientY, target);
  }

  function askBelow(row) {
    const { left, bottom } = row.element.getBoundingClientRect();
    ask(row, left + 16, bottom, null);
  }

  async function ask(row, x, y, target) {
    const menu = await import("./rowmenu.js").catch(() => null); // it is asked for again with the next
    if (!menu || !grid.view || grid.rows.get(row.key) !== row) return;
    const at = [...row.element.children].findIndex((cell) => cell.contains(target));
    const head = grid.shadowRoot.querySelector(".head").children[at] ?? null;
    reach(row);
    menu.openRowMenu(grid, { row, selected: selection.rows, head, textOf, x, y });
  }

  function pointerdown(event, target) {
    const row = rowAt(target);
    isPressed = false;
    if (!row || event.button !== 0) return;
    if (event.pointerType === "touch") press(row, event, target);
    else if (target.closest(".c0") && !target.closest("a[href]")) drag(grid, row, event);
  }

  function press(row, { clientX, clientY }, target) {
    const ended = new AbortController();
    const timer = setTimeout(() => {
      end();
      isPressed = true;
      ask(row, clientX, clientY, target);
    }, PRESS.ms);
    const end = () => {
      clearTimeout(timer);
      ended.abort();
    };
    for (const type of ["pointerup", "pointercancel", "contextmenu"]) {
      addEventListener(type, end, { signal: ended.signal });
    }
    addEventListener("pointermove", (event) => {
      if (Math.hypot(event.clientX - clientX, event.clientY - clientY) > PRESS.px) end();
    }, { signal: ended.signal });
  }

  const acts = { click, keydown, copy, contextmenu, pointerdown };
  return (event, target) => acts[event.type]?.(event, target);
}
