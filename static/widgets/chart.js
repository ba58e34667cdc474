// <stream-chart>: one field over time, of one item or a few.

import { setText } from "../dom.js";
import { decimalsOf } from "../format.js";
import { sorted } from "../stream.js";
import { define, StreamElement } from "./element.js";
import { History } from "./history.js";
import { make, sheet } from "./make.js";
import { plot } from "./plot.js";
import { isNumber, moment, price, signed, tickDecimals } from "./text.js";

const LINES_MOST = 6;
const POINTS_MOST = 2_000;
const SPAN_S = { usual: 600, least: 60 };
const DECIMALS_MOST = 8;
const DIGITS_MOST = 10; // of a value with its decimals
const KEY_STEP = 1 / 60; // of the width, with the arrow keys

const look = sheet(`
:host{height:260px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;padding:5px 10px;border-bottom:1px solid var(--line);list-style:none}
.legend li{display:flex;align-items:baseline;gap:6px;white-space:nowrap}
.legend b{font-weight:600;max-width:28ch;overflow:hidden;text-overflow:ellipsis}
.swatch{width:10px;height:3px;align-self:center;background:currentColor}
.value{min-width:8ch;text-align:end}
.s0{color:var(--accent)}.s1{color:light-dark(#9a4b00,#f0a04b)}.s2{color:light-dark(#7a3fb0,#c79bf2)}
.s3{color:light-dark(#0c7571,#4fc7c0)}.s4{color:light-dark(#a62266,#f58fbd)}.s5{color:light-dark(#5a636e,#98a2ae)}
.chart{flex:1;min-height:0;position:relative;display:flex;flex-direction:column}
.plot{flex:1;min-height:100px;position:relative;overflow:hidden;touch-action:pan-y}
canvas{position:absolute;inset:0;width:100%;height:100%;font-size:11px;color:var(--dim)}
.cross{position:absolute;top:0;bottom:20px;width:1px;background:var(--dim);pointer-events:none}
.tip{position:absolute;top:6px;left:0;padding:4px 8px;font-size:12px;pointer-events:none;white-space:pre;
background:var(--bg);border:1px solid var(--line);border-radius:3px}
@media (forced-colors:active){.swatch{forced-color-adjust:none}}
`);

export class StreamChart extends StreamElement {
  #chart; #legend; #plot; #canvas; #cross; #tip;
  #history = null;
  #keys = [];
  #colours = [];
  #decimals = 0;
  #frame = null;
  #at = null; // where the crosshair is, in px

  build() {
    const mine = (name, kind = "div") => make(kind, { class: name, part: name });
    [this.#legend, this.#cross, this.#tip] = [mine("legend", "ul"), mine("cross"), mine("tip")];
    this.#canvas = make("canvas", { "aria-hidden": "true" });
    const image = { class: "plot", part: "plot", role: "img", tabindex: 0 };
    this.#plot = make("div", image, this.#canvas, this.#cross, this.#tip);
    this.#chart = make("div", { class: "chart fresh", hidden: "" }, this.#legend, this.#plot);
    this.#plot.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    this.#plot.addEventListener("pointerleave", () => this.#point(null));
    this.#plot.addEventListener("blur", () => this.#point(null));
    this.#plot.addEventListener("keydown", (event) => this.#press(event));
    new ResizeObserver(() => this.refresh()).observe(this.#plot);
    this.#point(null);
    return [this.#chart];
  }

  reset() {
    this.#history = new History(POINTS_MOST, Math.max(1, this.#span / 1_000));
    [this.#keys, this.#decimals, this.#frame] = [[], this.#field === "last" ? 2 : 0, null];
    this.#chart.hidden = true;
  }

  touched(keys, { kind, removed }, view) {
    this.#history.take(keys, kind, view, this.#field);
    for (const key of removed) this.#history.add(key, Date.now() / 1000, null);
  }

  show({ all }) {
    const { items } = this.view;
    this.#chart.hidden = items.size === 0;
    const found = this.wanted ?? sorted(this.view).slice(0, 1).map(([key]) => key);
    const keys = all ? found.slice(0, LINES_MOST) : this.#keys;
    if (all || keys.length === 0) this.#name(keys.length ? keys : found.slice(0, LINES_MOST));
    this.#draw();
  }

  second(now) {
    if (!["live", "empty"].includes(this.state.name)) {
      for (const key of this.#keys) this.#history.add(key, now / 1000, null);
    }
    if (this.view?.cursor) this.soon();
  }

  summary() {
    return this.#plot.ariaLabel;
  }

  get #field() { return this.getAttribute("field") ?? "last"; }
  get #span() { return this.span ?? SPAN_S.usual; }

  #name(keys) {
    this.#keys = keys;
    this.#history.keep(keys.concat([...this.view.items.keys()]));
    this.#legend.replaceChildren(...keys.map((key, at) => make(
      "li", {}, make("span", { class: `swatch s${at}` }), make("b", {}, String(key)),
      make("span", { class: "value" }), make("span", { class: "quiet" }),
    )));
  }

  #draw() {
    const to = Date.now() / 1000;
    const firsts = this.#keys.map((key) => this.#history.of(key)[0]?.[0] ?? to);
    const from = Math.max(to - this.#span, Math.min(to - SPAN_S.least, ...firsts));
    this.#colours = [...this.#legend.children].map(({ firstChild }) => getComputedStyle(firstChild).color);
    const lines = this.#keys.map((key, at) => this.#line(key, at, from));
    const { color, fontFamily } = getComputedStyle(this.#canvas);
    this.#frame = plot(this.#canvas, {
      lines, from, to, ink: color, ...this.#writing(), font: `11px ${fontFamily}`,
      rule: getComputedStyle(this.#legend).borderBottomColor,
    });
    this.#describe(lines, from, to);
    this.#paintCross();
  }

  // Several prices are compared by how far they moved: on one scale each would be a flat line.
  get #isRelative() {
    return (this.scale ?? (this.#keys.length > 1 && this.#field === "last" ? "percent" : "value")) === "percent";
  }

  #writing() {
    if (this.#isRelative) return { decimals: 2, write: (value, decimals) => `${signed(value, decimals)}%` };
    return { decimals: this.#decimals, write: price };
  }

  #line(key, at, from) {
    const known = this.#history.of(key);
    const value = known.at(-1)?.[1];
    if (isNumber(value)) {
      const room = Math.max(0, DIGITS_MOST - Math.abs(value).toFixed().length);
      const own = this.#field === "last" ? tickDecimals(this.view.items.get(key) ?? {}) : decimalsOf(value);
      this.#decimals = Math.min(DECIMALS_MOST, room, Math.max(this.#decimals, own));
    }
    const base = known.find(([second, one]) => second >= from && one !== null)?.[1];
    const relative = ([second, one]) => [second, one === null ? null : moved(one, base)];
    const points = this.#isRelative ? known.map(relative) : known;
    return { points, base, colour: this.#colours[at], back: getComputedStyle(this.#tip).backgroundColor };
  }

  #describe(lines, from, to) {
    const said = lines.map(({ base }, at) => {
      const last = this.view.items.get(this.#keys[at])?.[this.#field];
      const [, , value, move] = this.#legend.children[at].children;
      setText(value, price(last, this.#decimals));
      setText(move, this.#moveOf(last, base));
      return `${this.#keys[at]} ${value.textContent} ${move.textContent}`;
    });
    const minutes = Math.max(1, Math.round((to - from) / 60));
    this.#plot.ariaLabel = `${this.#field} over ${minutes} min: ${said.join("; ")}`;
  }

  #moveOf(last, base) {
    if (isNumber(base) && isNumber(last)) return `${signed(moved(last, base), 2)}%`;
    return isNumber(base ?? last) ? "" : `no ${this.#field} yet`;
  }

  #point(px) {
    this.#at = px;
    if (this.#frame) this.soon();
    else this.#cross.hidden = this.#tip.hidden = true;
  }

  paint(now) {
    super.paint(now);
    // The crosshair moves although the line is paused.
    if (this.paused && this.#frame) this.#paintCross();
  }

  #paintCross() {
    const { right, at_s } = this.#frame ?? {};
    const isOut = this.#at === null || !this.#frame || this.#at < 0 || this.#at > right;
    this.#cross.hidden = this.#tip.hidden = isOut;
    if (isOut) return;
    const at = at_s(this.#at);
    const rows = this.#keys.map((key) => {
      const value = this.#history.of(key).findLast(([second]) => second <= at)?.[1];
      return `${key}  ${price(value, this.#decimals)}`;
    });
    setText(this.#tip, [moment(at * 1000, Date.now()), ...rows].join("\n"));
    this.#cross.style.transform = `translateX(${Math.round(this.#at)}px)`;
    const isFar = this.#at > right / 2;
    const left = isFar ? this.#at - this.#tip.offsetWidth - 10 : this.#at + 10;
    this.#tip.style.transform = `translateX(${Math.round(left)}px)`;
  }

  #press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") return this.#point(null);
    if (!step || !this.#frame) return;
    const { right } = this.#frame;
    this.#point(Math.max(8, Math.min(right, (this.#at ?? right) + step * right * KEY_STEP)));
    event.preventDefault();
  }
}

define("stream-chart", StreamChart, [look], ["field", "span", "scale"]);

function moved(value, base) {
  return ((value - base) / Math.abs(base || 1)) * 100;
}
