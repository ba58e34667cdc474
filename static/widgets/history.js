// The recent values of each item: what the server kept of them, and then what came. Bounded.

import { isNumber } from "./text.js";

export class History {
  #most; #every_s;
  #lines = new Map(); // key as a text → [[second, value], …]; a null is a gap

  /** At most `most` points a key, no two closer than `every_s` unless the server's own are. */
  constructor(most, every_s) {
    [this.#most, this.#every_s] = [most, every_s];
  }

  /** The points of a key, oldest first. */
  of(key) {
    return this.#lines.get(String(key)) ?? [];
  }

  /** Takes the values of `field` of these keys; of a snapshot first what the channel kept of it. */
  take(keys, kind, { items, trail }, field) {
    if (kind === "snapshot") this.start(trail, field);
    for (const key of keys) {
      const value = items.get(key)?.[field];
      if (isNumber(value)) this.add(key, Date.now() / 1000, value);
    }
  }

  /** Begins with what the channel kept of `field`. */
  start(trail, field) {
    for (const [key, fields] of Object.entries(trail ?? {})) {
      const points = (fields[field] ?? []).filter(([, value]) => isNumber(value));
      if (points.length > 0) this.#lines.set(key, points.slice(-this.#most));
    }
  }

  /** Takes a value, or a gap, of this second. A value that stood for long gets a second point. */
  add(key, at_s, value) {
    const points = this.of(key);
    this.#lines.set(String(key), points);
    const [before, last] = [points.at(-2), points.at(-1)];
    const goesOn = value !== null && isKnown(last);
    if (value === null && !isKnown(last)) return;
    const mean_s = points.length > 2 ? (last[0] - points[0][0]) / (points.length - 1) : 0;
    const pace_s = Math.max(this.#every_s, mean_s * 0.8);
    if (goesOn && at_s - last[0] > 2 * pace_s) points.push([at_s - this.#every_s, last[1]]);
    else if (goesOn && isKnown(before) && last[0] - before[0] < pace_s) points.pop();
    points.push([at_s, value]);
    while (points.length > this.#most) points.shift();
  }

  /** Forgets all but these keys. */
  keep(keys) {
    const kept = new Set([...keys].map(String));
    for (const key of this.#lines.keys()) if (!kept.has(key)) this.#lines.delete(key);
  }
}

function isKnown(point) {
  return (point?.[1] ?? null) !== null;
}
