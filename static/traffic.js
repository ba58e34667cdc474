// What a link brings: messages a second, and how long they were under way. Pure: the time is given.

const SPAN_S = 10;
const DELAYS_MOST = 99;

export class Traffic {
  #counts = new Map(); // second → messages in it
  #delays = []; // ms, the newest last
  #first = null; // the second of the first message

  /** Takes note of a message; `delay_ms` lies between the reading of the source and now. */
  take(now_ms, delay_ms) {
    const second = Math.floor(now_ms / 1000);
    this.#first ??= second;
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1);
    for (const old of this.#counts.keys()) if (old < second - SPAN_S) this.#counts.delete(old);
    if (!(delay_ms >= 0)) return;
    this.#delays.push(delay_ms);
    if (this.#delays.length > DELAYS_MOST) this.#delays.shift();
  }

  /** Messages a second, over the last ten that are whole; null before there is one. */
  perSecond(now_ms) {
    const second = Math.floor(now_ms / 1000);
    const from = Math.max(second - SPAN_S, this.#first ?? second);
    let sum = 0;
    for (const [at, count] of this.#counts) if (at < second && at >= from) sum += count;
    return second > from ? sum / (second - from) : null;
  }

  /** The median delay in ms; null before there is one. */
  get median_ms() {
    const ordered = [...this.#delays].sort((a, b) => a - b);
    return ordered[ordered.length >> 1] ?? null;
  }
}
