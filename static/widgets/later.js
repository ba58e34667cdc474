// Parts that a first paint does not need.

const WAIT_MS = { first: 1_000, most: 60_000 };

/** Has `use` called with what `load` imports; where it cannot be had it is asked for again, ever more rarely. */
export function later(load, use, wait_ms = WAIT_MS.first) {
  const again = () => later(load, use, Math.min(WAIT_MS.most, wait_ms * 2));
  load().then(use, () => setTimeout(again, wait_ms));
}
