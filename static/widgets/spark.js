// A line of recent prices, 80×20: area, last point, and the previous close where it is near.

import { draw, sheet } from "./make.js";

const [WIDTH, HEIGHT, EDGE] = [80, 20, 2];
const FAR = 3; // a previous close that would make the range so many times larger is left out

export const sparkLook = sheet(`
.spark{display:block;width:80px;height:20px;margin-top:calc((var(--row) - 21px)/2)}
.spark path{fill:none;stroke:currentColor;stroke-width:1.2;vector-effect:non-scaling-stroke}
.spark .area{fill:currentColor;stroke:none;opacity:.12}
.spark .close{stroke:var(--dim);stroke-width:1;stroke-dasharray:2 2}
.spark .end{fill:currentColor}
.spark[data-way=up]{color:var(--up)}
.spark[data-way=down]{color:var(--down)}
.spark[data-none]{visibility:hidden}
`);

export function newSpark() {
  const named = { class: "spark", part: "spark", "aria-hidden": "true" };
  const lines = ["area", "line", "close"].map((name) => draw("path", { class: name }));
  return draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, ...named }, ...lines, draw("circle", { r: 1.8, class: "end" }));
}

/** Draws `points` ([[second, value], …], oldest first), coloured by the last against `close`. */
export function drawSpark(svg, points, close) {
  const [area, line, dashed, end] = svg.children;
  svg.toggleAttribute("data-none", points.length < 2);
  if (points.length < 2) return;
  const values = points.map(([, value]) => value);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const isNear = Math.max(high, close) - Math.min(low, close) <= FAR * (high - low || Infinity);
  if (isNear) [low, high] = [Math.min(low, close), Math.max(high, close)];
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const x = (at) => (EDGE + ((at - from) / (to - from || 1)) * (WIDTH - 2 * EDGE)).toFixed(1);
  const y = (value) => (HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE)).toFixed(1);
  const path = `M${points.map(([at, value]) => `${x(at)} ${y(value)}`).join("L")}`;
  line.setAttribute("d", path);
  area.setAttribute("d", `${path}V${HEIGHT}H${EDGE}Z`);
  dashed.setAttribute("d", isNear ? `M0 ${y(close)}H${WIDTH}` : "");
  end.setAttribute("cx", x(to));
  end.setAttribute("cy", y(values.at(-1)));
  svg.dataset.way = values.at(-1) < (close ?? values[0]) ? "down" : "up";
}
