// <stream-ticker>: a tape that moves by itself; quotes, or headlines where items have a title.

import { setText } from "../dom.js";
import { sorted } from "../stream.js";
import { define, StreamElement } from "./element.js";
import { make, part, sheet } from "./make.js";
import { isNumber, percent, price, tickDecimals, way } from "./text.js";

const MOST_ITEMS = 60;
const SPEED = 40; // px a second
const ARROWS = ["▼", "", "▲"];
const WAYS = ["down", "quiet", "up"];

const look = sheet(`
.frame{flex-direction:row;align-items:stretch;height:auto}
.body{min-width:0;overflow:hidden}
.bone{border:0}.bone:nth-child(n+2){display:none}
.tape{display:flex;width:max-content;min-width:100%}
.strip{display:flex;flex:none;min-width:50%;justify-content:space-around;padding:0;list-style:none}
.entry{display:flex;align-items:center;gap:8px;height:var(--row);padding:0 14px;white-space:nowrap;border-inline-end:1px solid var(--line)}
.entry b{font-weight:600}
.value,.way{text-align:end}
.value:empty{display:none}
.value{min-width:8ch}.way{min-width:9ch}
.arrow{font-size:9px;margin-inline-end:3px}
.view{overflow:hidden}
.foot{border:0;height:auto;flex:none}
.foot{max-width:60%}.foot .clock,[data-tone=ok] .words,[data-tone=calm] .words{display:none}
.message{padding:0 12px;line-height:var(--row);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
@media (prefers-reduced-motion:no-preference){
.moving{animation:move linear infinite}
.view:hover .moving,.view:focus-within .moving,:host([paused]) .moving{animation-play-state:paused}
@keyframes move{to{transform:translateX(-50%)}}}
@media (prefers-reduced-motion:reduce){.view{overflow-x:auto}.copy{display:none!important}}
`);

export class StreamTicker extends StreamElement {
  #view; #tape; #strips;
  #entries = new Map(); // key → the same entry in both strips
  #width = 0;

  build() {
    this.#strips = [make("ul", { class: "strip" }), make("ul", { class: "strip copy", "aria-hidden": "true" })];
    this.#tape = make("div", { class: "tape moving fresh" }, ...this.#strips);
    this.#view = part("tape", "div", { class: "view", role: "region", tabindex: 0 }, this.#tape);
    new ResizeObserver(() => this.#pace()).observe(this.#strips[0]);
    return [this.#view];
  }

  reset() {
    this.#entries.clear();
    for (const strip of this.#strips) strip.replaceChildren();
    this.#view.ariaLabel = this.name;
  }

  show({ all, isMoved, touched }) {
    if (isMoved) this.#place();
    for (const key of all ? this.#entries.keys() : touched) this.#write(key);
  }

  summary(count) {
    return `${this.name}: ${count} changes`;
  }

  #place() {
    const { items } = this.view;
    const found = this.wanted?.filter((key) => items.has(key)) ?? sorted(this.view).map(([key]) => key);
    const keys = new Set(found.slice(0, this.max ?? MOST_ITEMS));
    for (const [key, { copies }] of this.#entries) {
      if (keys.has(key)) continue;
      this.#entries.delete(key);
      for (const { node } of copies) node.remove();
    }
    // New ones go to the end: what is being read must not move.
    for (const key of keys) {
      if (this.#entries.has(key)) continue;
      const copies = this.#strips.map(newEntry);
      this.#entries.set(key, { decimals: 0, copies });
      this.#write(key);
    }
  }

  #write(key) {
    const entry = this.#entries.get(key);
    const item = this.view.items.get(key);
    if (!entry || !item) return;
    entry.decimals = tickDecimals(item, entry.decimals);
    const step = way(item.change_pct) + 1;
    const value = isNumber(item.last) ? price(item.last, entry.decimals) : "";
    const move = isNumber(item.change_pct) ? percent(item.change_pct) : "";
    const texts = [String(item.title ?? item.symbol ?? key), value, ARROWS[step], move];
    for (const { cells, change } of entry.copies) {
      cells.forEach((cell, at) => setText(cell, texts[at]));
      change.className = `way ${WAYS[step]}`;
      change.hidden = !move;
    }
  }

  // As fast for three items as for thirty.
  #pace() {
    const width = this.#strips[0].offsetWidth;
    if (width === this.#width) return;
    this.#width = width;
    this.#tape.style.animationDuration = `${Math.max(1, width / (this.speed ?? SPEED))}s`;
  }
}

define("stream-ticker", StreamTicker, [look], ["speed"]);

function newEntry(strip) {
  const [name, value] = [part("symbol", "b"), part("last", "span", { class: "value" })];
  const [arrow, move] = [make("span", { class: "arrow", "aria-hidden": "true" }), make("span")];
  const change = part("change", "span", {}, arrow, move);
  const node = part("entry", "li", {}, name, value, change);
  strip.append(node);
  return { node, change, cells: [name, value, arrow, move] };
}
