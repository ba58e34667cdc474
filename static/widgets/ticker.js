// <stream-ticker>: a tape that moves by itself; quotes, or headlines where items have a title.

import { sorted } from "../stream.js";
import { define, StreamElement } from "./element.js";
import { make, sheet } from "./make.js";
import { isNumber, price, signed, tickDecimals, way } from "./text.js";

const MOST_ITEMS = 60;
const SPEED = 40; // px a second
const ARROWS = { "-1": "▼", 0: "", 1: "▲" };
const WAYS = { "-1": "down", 0: "quiet", 1: "up" };

const look = sheet(`
.frame{flex-direction:row;align-items:stretch;height:auto}
.body{min-width:0;overflow:hidden}
.bone{border:0}.bone:nth-child(n+2){display:none}
.tape{display:flex;width:max-content;min-width:100%}
.strip{display:flex;flex:none;min-width:50%;justify-content:space-around;padding:0;list-style:none}
.entry{display:flex;align-items:center;gap:8px;height:var(--row);padding:0 14px;white-space:nowrap;border-inline-end:1px solid var(--line)}
.entry b{font-weight:600}
.value,.way{text-align:end}
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
  static get observedAttributes() { return [...StreamElement.observedAttributes, "speed"]; }
  static get sheets() { return [look]; }
  #view; #tape; #strips;
  #entries = new Map(); // key → the same entry in both strips
  #width = 0;

  build() {
    this.#strips = [make("ul", { class: "strip" }), make("ul", { class: "strip copy", "aria-hidden": "true" })];
    this.#tape = make("div", { class: "tape moving fresh" }, ...this.#strips);
    const label = { class: "view", part: "tape", role: "region", tabindex: 0, "aria-label": this.name };
    this.#view = make("div", label, this.#tape);
    new ResizeObserver(() => this.#pace()).observe(this.#strips[0]);
    return [this.#view];
  }

  reset() {
    this.#entries.clear();
    for (const strip of this.#strips) strip.replaceChildren();
    this.#view.ariaLabel = this.name;
  }

  show({ all, added, changed, removed }) {
    const { items } = this.view;
    if (all || added.size > 0 || removed.size > 0) this.#place();
    for (const key of all ? this.#entries.keys() : changed) {
      const entry = this.#entries.get(key);
      if (entry && items.has(key)) this.#write(entry, items.get(key));
    }
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
      const entry = { key, decimals: 0, copies: this.#strips.map(() => newEntry()) };
      this.#entries.set(key, entry);
      entry.copies.forEach(({ node }, at) => this.#strips[at].append(node));
      this.#write(entry, items.get(key));
    }
  }

  #write(entry, item) {
    entry.decimals = tickDecimals(item, entry.decimals);
    const step = way(item.change_pct);
    const isQuote = isNumber(item.last);
    const texts = {
      name: String(item.title ?? item.symbol ?? entry.key),
      value: isQuote ? price(item.last, entry.decimals) : "",
      arrow: ARROWS[step],
      percent: isNumber(item.change_pct) ? `${signed(item.change_pct, 2)}%` : "",
    };
    for (const { parts, change, value } of entry.copies) {
      for (const [name, text] of Object.entries(texts)) {
        if (parts[name].data !== text) parts[name].data = text;
      }
      change.className = `way ${WAYS[step]}`;
      change.hidden = texts.percent === "";
      value.hidden = !isQuote;
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

define("stream-ticker", StreamTicker);

function newEntry() {
  const text = () => document.createTextNode("");
  const parts = { name: text(), value: text(), arrow: text(), percent: text() };
  const value = make("span", { class: "value", part: "last" }, parts.value);
  const change = make("span", { class: "way", part: "change" },
    make("span", { class: "arrow", "aria-hidden": "true" }, parts.arrow), parts.percent);
  const name = make("b", { part: "symbol" }, parts.name);
  const node = make("li", { class: "entry", part: "entry" }, name, value, change);
  return { node, parts, value, change };
}
