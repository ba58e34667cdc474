// Applies the histories of tests/vectors.py, and holds what it has against what the server has after each
// step. `node replay.mjs FILE`; run by tests/test_static.py.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { load } from "./load.mjs";

const documents = await load("documents.js");
const reducer = await load("reducer.js");
const histories = JSON.parse(await readFile(process.argv[2], "utf8"));
let steps = 0;

for (const { format, steps: told } of histories) {
  // The small reducer, which the client loads, has to do for the format it asks for.
  const { apply } = format === "json" ? reducer : documents;
  const state = reducer.empty("one");
  for (const { messages, items } of told) {
    for (const text of messages) {
      const message = JSON.parse(text);
      const change = apply(state, message);
      assert.notEqual(change, null, text);
      assert.equal(change.diverged, false, text);
    }
    const sorted = (pairs) => pairs.map((pair) => JSON.stringify(pair, inOrder)).sort();
    assert.deepEqual(sorted([...state.items]), sorted(items), `${format}: ${messages}`);
    steps += 1;
  }
}
console.log(`${steps} steps`);

// Members in one order, so that equal objects are equal texts; __proto__ stays a member.
function inOrder(name, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, value[key]]));
}
