// What the client decides without a link. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { list, viewOf } = await load("address.js");
const { connect } = await load("stream.js");
const { waitAfter } = await load("waits.js");

test("names come as a list or as one text, in which an empty one names nothing", () => {
  assert.deepEqual(list("quotes,,news,"), ["quotes", "news"]);
  assert.deepEqual(list(new Set(["quotes", "a,b"])), ["quotes", "a,b"]);
  assert.deepEqual([list(""), list(undefined), viewOf({ keys: "New York,Bonn" }).keys], [[], [], "New York,Bonn"]);
});

test("a client that names no channel is refused at once", () => {
  for (const channels of ["", ",", [], undefined]) {
    assert.throws(() => connect("http://127.0.0.1:9", { channels }), TypeError);
  }
});

test("the wait grows with the outage, is bounded, and comes after what the server asked for", () => {
  const drawn = Math.random;
  Math.random = () => 1;
  try {
    const waits = [0, 1_000, 3_000, 10_000, 90_000].map((waited) => waitAfter(waited, 0, false));
    assert.deepEqual(waits, [500, 1_500, 2_000, 5_000, 20_000]);
    assert.deepEqual([waitAfter(0, 2_300, false), waitAfter(0, 1e9, false)], [2_800, 3_600_500]);
    assert.deepEqual([waitAfter(0, undefined, true), waitAfter(1, 0, true)], [500, 20_000]);
  } finally {
    Math.random = drawn;
  }
});
