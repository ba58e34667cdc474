// A menu that stands above everything where it was asked for. Knows nothing of what it offers.

import { make, part, sheet } from "./make.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
const EDGE_PX = 4; // of the window

export const menuLook = sheet(`
.menu{position:fixed;inset:auto;margin:0;padding:4px 0;min-width:180px;max-width:min(360px,100vw);
color:var(--ink);background:var(--bg);border:1px solid var(--line);border-radius:5px;box-shadow:0 4px 16px #0004}
.menu button{display:flex;width:100%;gap:24px;justify-content:space-between;padding:4px 14px;white-space:nowrap}
.menu button:focus{background:var(--mark);outline:0}
.menu button>:first-child{overflow:hidden;text-overflow:ellipsis}
.menu button>:last-child{color:var(--dim)}
@media (forced-colors:active){.menu button:focus{outline:2px solid Highlight;outline-offset:-2px}}
`);

let closeLast = () => {};

/**
 * Shows `entries` (`[text, act, keys]`, keys being what does the same on a keyboard, or nothing) in `root` at
 * `x`, `y` of the window. It ends with Escape, the tabulator, a choice, or what happens elsewhere; the focus
 * then goes back to `back`, where it was still in the menu.
 */
export function openMenu(root, { label, x, y, entries, back }) {
  closeLast();
  const ended = new AbortController();
  const buttons = entries.map(([text, act, keys = ""]) => {
    const named = { type: "button", role: "menuitem", tabindex: -1, ...(keys && { "aria-keyshortcuts": keys }) };
    const hint = make("span", { "aria-hidden": "true" }, keys.replace("Arrow", "").replace("Control", "Ctrl").replace("Meta+", "⌘"));
    const button = make("button", named, make("span", {}, text), hint);
    button.addEventListener("click", () => {
      close();
      act();
    });
    return button;
  });
  const menu = part("menu", "div", { role: "menu", popover: "manual", "aria-label": label }, ...buttons);

  function close() {
    if (ended.signal.aborted) return;
    ended.abort();
    const isWithin = menu.contains(focused());
    menu.remove();
    if (isWithin) back.focus({ preventScroll: true });
  }

  function press(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = buttons.indexOf(focused());
    if (key in STEPS) focusOn(within(at, STEPS[key], buttons.length));
    else if (key === "Escape" || key === "Tab") close();
    else if (key.length === 1 && key !== " ") focusOn(startingWith(key, at));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function startingWith(letter, at) {
    const inTurn = [...buttons.keys()].map((_, step) => (at + 1 + step) % buttons.length);
    const isMeant = (one) => buttons[one].textContent.toLowerCase().startsWith(letter.toLowerCase());
    return inTurn.find(isMeant) ?? at;
  }

  const focused = () => root.getRootNode().activeElement;
  const focusOn = (at) => buttons[at].focus();
  const mine = new WeakSet(); // events that came through the menu
  menu.addEventListener("keydown", press);
  menu.addEventListener("focusout", ({ relatedTarget }) => menu.contains(relatedTarget) || close());
  // Else a browser that gives buttons no focus takes it from the menu, which ends before the click.
  for (const type of ["mousedown", "contextmenu"]) menu.addEventListener(type, (event) => event.preventDefault());
  for (const type of ["pointerdown", "wheel", "resize", "blur"]) {
    menu.addEventListener(type, (event) => mine.add(event), { passive: true });
    addEventListener(type, (event) => mine.has(event) || close(), { passive: true, signal: ended.signal });
  }
  closeLast = close;
  root.append(menu);
  menu.showPopover();
  menu.style.left = `${Math.max(EDGE_PX, Math.min(x, innerWidth - menu.offsetWidth - EDGE_PX))}px`;
  menu.style.top = `${Math.max(EDGE_PX, Math.min(y, innerHeight - menu.offsetHeight - EDGE_PX))}px`;
  focusOn(0);
}

// Up from the first leads to the last.
function within(at, step, count) {
  return Number.isFinite(step) ? (at + step + count) % count : step < 0 ? 0 : count - 1;
}
