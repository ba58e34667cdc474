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

  /** Begins with what the channel kept of `field`. */
  start(trail, field) {
    for (const [key, fields] of Object.entries(trail ?? {})) {
      const points = (fields[field] ?? []).filter(([, value]) => isNumber(value));
      if (points.length > 0) this.#lines.set(key, points.slice(-this.#most));
    }
  }

  /** Takes a value, or a gap, of this second. */
  add(key, at_s, value) {
    const points = this.of(key);
    this.#lines.set(String(key), points);
    const last = points.at(-1);
    if (value === null && (!last || last[1] === null)) return;
    const before = points.at(-2);
    const spacing = points.length > 2 ? (last[0] - points[0][0]) / (points.length - 1) : 0;
    const isClose = last && before && value !== null && last[1] !== null && before[1] !== null
      && last[0] - before[0] < Math.max(this.#every_s, spacing * 0.8);
    if (isClose) points[points.length - 1] = [at_s, value];
    else points.push([at_s, value]);
    if (points.length > this.#most) points.shift();
  }

  /** Forgets all but these keys. */
  keep(keys) {
    const kept = new Set([...keys].map(String));
    for (const key of this.#lines.keys()) if (!kept.has(key)) this.#lines.delete(key);
  }
}
