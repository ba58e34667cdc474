// Lines over time on a canvas, with axes; told what to draw, in what colours, and the time.

import { timeMarks, valueMarks } from "./axis.js";

const SPACE = { left: 8, top: 8, bottom: 20, gutter: 14 };
const TAG_PX = 18;
const MARK_PX = { x: 90, y: 42 };

/**
 * Draws `lines` (`[{points, colour, back}]`, points [[second, value or null], …]) from second `from` to `to`
 * and answers where things stand: `{at_s(x), x(second), y(value), right, bottom}`; null without a value.
 * `write(value, decimals)` makes the labels.
 */
export function plot(canvas, { lines, from, to, decimals, write, ink, rule, font }) {
  const { context, width, height } = prepare(canvas);
  context.font = font;
  const seen = lines.flatMap(({ points }) => points.filter(([at, value]) => value !== null && at >= from));
  const values = seen.map(([, value]) => value);
  if (values.length === 0 || width < 80 || height < 60) return null;
  let [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const air = (high - low) * 0.08 || Math.max(Math.abs(high) * 0.001, 10 ** -decimals);
  [low, high] = [low - air, high + air];
  const bottom = height - SPACE.bottom;
  const rows = valueMarks(low, high, (bottom - SPACE.top) / MARK_PX.y);
  const written = Math.max(decimals, rows.decimals);
  const labels = rows.marks.map((mark) => write(mark, written));
  const widths = [...labels, write(high, written)].map((text) => context.measureText(text).width);
  const right = width - Math.max(...widths) - SPACE.gutter;
  const x = (at) => SPACE.left + ((at - from) / (to - from)) * (right - SPACE.left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - SPACE.top);
  const at_s = (px) => from + ((px - SPACE.left) / (right - SPACE.left)) * (to - from);
  const frame = { x, y, at_s, right, bottom, width, text: (value) => write(value, written) };
  const tags = spread(lines, frame);
  context.fillStyle = ink;
  context.strokeStyle = rule;
  rows.marks.forEach((mark, at) => {
    stroke(context, [[SPACE.left, crisp(y(mark))], [right, crisp(y(mark))]]);
    const isHidden = tags.some(({ top }) => Math.abs(top + TAG_PX / 2 - y(mark)) < TAG_PX - 3);
    if (!isHidden) context.fillText(labels[at], right + 8, y(mark) + 4);
  });
  drawTimes(context, frame, from, to);
  for (const line of lines) drawLine(context, line, frame, from, to, lines.length === 1);
  for (const { text, top, colour, back } of tags) {
    context.fillStyle = colour;
    context.fillRect(right + 3, top, width - right - 3, TAG_PX);
    context.fillStyle = back;
    context.fillText(text, right + 8, top + 13);
  }
  return frame;
}

function prepare(canvas) {
  const ratio = globalThis.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function drawTimes(context, { x, right, bottom }, from, to) {
  const zone_s = -new Date(to * 1000).getTimezoneOffset() * 60;
  const { marks, step } = timeMarks(from, to, Math.max(1, (right - SPACE.left) / MARK_PX.x), zone_s);
  const digits = step < 60 ? { second: "2-digit" } : {};
  for (const at of marks) {
    const time = new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...digits });
    const half = context.measureText(time).width / 2;
    stroke(context, [[crisp(x(at)), bottom], [crisp(x(at)), bottom + 4]]);
    context.fillText(time, Math.min(Math.max(x(at) - half, 2), right - half), bottom + 15);
  }
}

function drawLine(context, { points, colour }, { x, y, bottom }, from, to, mayFill) {
  context.save();
  context.beginPath();
  context.rect(SPACE.left, 0, x(to) - SPACE.left, bottom);
  context.clip();
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: 1.5, lineJoin: "round" });
  for (const piece of pieces(points, to)) {
    const shape = piece.map(([at, value]) => [x(at), y(value)]);
    stroke(context, shape);
    if (!mayFill) continue;
    context.globalAlpha = 0.1;
    context.lineTo(shape.at(-1)[0], bottom);
    context.lineTo(shape[0][0], bottom);
    context.fill();
    context.globalAlpha = 1;
  }
  context.restore();
}

// What lies between gaps; the last value stands until now.
function pieces(points, to) {
  const all = [[]];
  for (const [at, value] of points) {
    const piece = all.at(-1);
    if (value !== null) piece.push([at, value]);
    else if (piece.length > 0) {
      piece.push([at, piece.at(-1)[1]]);
      all.push([]);
    }
  }
  const last = all.at(-1).at(-1);
  if (last) all.at(-1).push([to, last[1]]);
  return all.filter((piece) => piece.length > 0);
}

// The last values at the edge, none over another.
function spread(lines, { y, text, bottom }) {
  const tags = lines.flatMap(({ points, colour, back }) => {
    const last = points.findLast(([, value]) => value !== null);
    return last ? [{ colour, back, text: text(last[1]), top: y(last[1]) - TAG_PX / 2 }] : [];
  });
  tags.sort((a, b) => a.top - b.top);
  tags.forEach((tag, at) => { tag.top = Math.max(tag.top, at ? tags[at - 1].top + TAG_PX + 1 : 0); });
  const over = Math.max(0, (tags.at(-1)?.top ?? 0) + TAG_PX - bottom);
  for (const tag of tags) tag.top -= over;
  return tags;
}

/** Strokes a line through these points. */
export function stroke(context, shape) {
  context.beginPath();
  shape.forEach(([px, py], at) => (at ? context.lineTo(px, py) : context.moveTo(px, py)));
  context.stroke();
}

function crisp(px) {
  return Math.round(px) + 0.5;
}
