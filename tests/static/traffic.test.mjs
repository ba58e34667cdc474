// What the desk says of its link. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { Traffic } = await load("traffic.js");

test("messages a second are those of the last ten whole seconds", () => {
  const traffic = new Traffic();
  assert.equal(traffic.perSecond(0), null);
  for (let at = 0; at < 30_000; at += 250) traffic.take(at, 5);
  assert.equal(traffic.perSecond(30_000), 4);
  assert.equal(traffic.perSecond(35_000), 2);
  assert.equal(traffic.perSecond(99_000), 0);
});

test("a link that has just begun is not taken for a slow one", () => {
  const traffic = new Traffic();
  for (let at = 1_000; at < 3_000; at += 100) traffic.take(at, 5);
  assert.equal(traffic.perSecond(3_000), 10);
});

test("the delay is the median of the last messages that had one", () => {
  const traffic = new Traffic();
  assert.equal(traffic.median_ms, null);
  for (const delay of [Number.NaN, -4, 7, 900, 3]) traffic.take(0, delay);
  assert.equal(traffic.median_ms, 7);
  for (let n = 0; n < 99; n += 1) traffic.take(0, 50);
  assert.equal(traffic.median_ms, 50);
});
