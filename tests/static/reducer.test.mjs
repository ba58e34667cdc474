// The pure half of the browser client. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { apply, empty, sorted } = await load("reducer.js");

const SNAPSHOT = {
  type: "snapshot", channel: "quotes", cursor: "k3-10", key: "code", sort: "-change", count: 3,
  as_of: "2026-11-22T02:11:09.120Z",
  items: [
    { code: "AAPL", close: 189.1, change: 0.5 },
    { code: "VTI", close: 301.5, change: -0.1 },
    { code: "TSLA", close: 240, change: 2 },
  ],
};

function quotes(...messages) {
  const state = empty("quotes");
  const changes = [SNAPSHOT, ...messages].map((message) => apply(state, structuredClone(message)));
  return { state, change: changes.at(-1) };
}

function contents(state) {
  return Object.fromEntries(state.items);
}

test("a snapshot replaces everything and keeps the key, the sort, the cursor and the time", () => {
  const { state, change } = quotes({ ...SNAPSHOT, items: SNAPSHOT.items.slice(0, 1), count: 1 });
  assert.deepEqual([...state.items.keys()], ["AAPL"]);
  assert.equal(state.key, "code");
  assert.equal(state.sort, "-change");
  assert.equal(state.cursor, "k3-10");
  assert.equal(state.as_of, SNAPSHOT.as_of);
  assert.equal(state.count, 1);
  assert.deepEqual(change, { kind: "snapshot", added: [], changed: [], removed: [], diverged: false });
});

test("a diff inserts, replaces, assigns and removes, and says which keys it touched", () => {
  const { state, change } = quotes({
    type: "diff", channel: "quotes", cursor: "k3-11", count: 3,
    put: [{ code: "MSFT", close: 400 }, { code: "TSLA", close: 241 }],
    patch: [{ code: "AAPL", close: 189.2 }],
    del: ["VTI"],
  });
  assert.deepEqual(contents(state), {
    AAPL: { code: "AAPL", close: 189.2, change: 0.5 },
    TSLA: { code: "TSLA", close: 241 },
    MSFT: { code: "MSFT", close: 400 },
  });
  assert.deepEqual(change, {
    kind: "diff", added: ["MSFT"], changed: ["TSLA", "AAPL"], removed: ["VTI"], diverged: false,
  });
  assert.equal(state.cursor, "k3-11");
});

test("applying the same diff twice changes nothing more", () => {
  const diff = {
    type: "diff", cursor: "k3-11", count: 2, patch: [{ code: "AAPL", close: 1 }], del: ["VTI"],
  };
  assert.deepEqual(contents(quotes(diff, diff).state), contents(quotes(diff).state));
  assert.equal(quotes(diff, diff).change.diverged, false);
});

test("an item kept aside is not changed by a later patch", () => {
  const { state } = quotes();
  const kept = state.items.get("AAPL");
  apply(state, { type: "diff", cursor: "k3-11", count: 3, patch: [{ code: "AAPL", close: 1 }] });
  assert.equal(kept.close, 189.1);
  assert.equal(state.items.get("AAPL").close, 1);
});

test("a number and a text are different keys", () => {
  const state = empty("users");
  apply(state, { type: "snapshot", key: "id", cursor: "k-1", count: 2, items: [{ id: 1 }, { id: "1" }] });
  apply(state, { type: "diff", cursor: "k-2", count: 1, del: [1] });
  assert.deepEqual([...state.items.keys()], ["1"]);
});

for (const [name, message] of [
  ["a count that differs", { type: "diff", cursor: "k3-11", count: 7 }],
  ["a patch of an unknown item", { type: "diff", cursor: "k3-11", count: 3, patch: [{ code: "NONE" }] }],
  ["an item without its key", { type: "diff", cursor: "k3-11", count: 4, put: [{ close: 1 }] }],
  ["a snapshot whose items have no key", { ...SNAPSHOT, key: "isin" }],
  ["a snapshot that is no list", { ...SNAPSHOT, items: 5 }],
]) {
  test(`${name} is reported as diverged`, () => {
    assert.equal(quotes(message).change.diverged, true);
  });
}

test("a first diff after an empty snapshot without a key is reported as diverged", () => {
  const state = empty("quotes");
  assert.equal(apply(state, { type: "snapshot", cursor: "k-1", count: 0, items: [] }).diverged, false);
  const put = { type: "diff", cursor: "k-2", count: 1, put: [{ code: "AAPL" }] };
  assert.equal(apply(state, put).diverged, true);
});

test("a diff resumed into an empty client moves the cursor and is not diverged", () => {
  const state = empty("quotes");
  const change = apply(state, {
    type: "diff", cursor: "k3-12", count: 3, resumed: true, patch: [{ code: "AAPL", close: 1 }],
  });
  assert.equal(change.diverged, false);
  assert.equal(state.items.size, 0);
  assert.equal(state.cursor, "k3-12");
});

test("a status is kept, moves no cursor, and is ok again after the next first message", () => {
  const failing = { type: "status", channel: "quotes", state: "failing", error: { kind: "timeout" } };
  const { state, change } = quotes(failing);
  assert.equal(change.kind, "status");
  assert.deepEqual(state.status, failing);
  assert.equal(state.cursor, "k3-10");
  apply(state, { type: "diff", cursor: "k3-11", count: 3 });
  assert.equal(state.status.state, "failing");
  apply(state, { type: "diff", cursor: "k3-11", count: 3, resumed: true });
  assert.equal(state.status.state, "ok");
});

test("unknown types and unknown members are ignored", () => {
  const { state } = quotes();
  const before = contents(state);
  assert.equal(apply(state, { type: "constructor", put: [{ code: "X" }] }), null);
  assert.equal(apply(state, { type: "weather", count: 99 }), null);
  const change = apply(state, { type: "diff", cursor: "k3-11", count: 3, mood: "good", put: [] });
  assert.equal(change.diverged, false);
  assert.deepEqual(contents(state), before);
});

test("a field or a key named __proto__ stays data", () => {
  const state = empty("odd");
  const text = '{"type":"snapshot","key":"id","cursor":"k-1","count":1,"items":[{"id":1,"__proto__":{"a":1}}]}';
  apply(state, JSON.parse(text));
  apply(state, JSON.parse('{"type":"diff","cursor":"k-2","count":1,"patch":[{"id":1,"__proto__":{"b":2}}]}'));
  assert.equal(JSON.stringify(state.items.get(1)), '{"id":1,"__proto__":{"b":2}}');
  assert.equal({}.polluted, undefined);
});

test("items are sorted by the channel's field, and those without it come last either way", () => {
  const items = [{ id: 1, n: 2 }, { id: 2 }, { id: 3, n: 10 }, { id: 4, n: 2 }, { id: 5, n: "x" }];
  const state = empty("s");
  const order = (sort) => {
    apply(state, { type: "snapshot", key: "id", sort, cursor: "k-1", count: 5, items });
    return sorted(state).map(([key]) => key);
  };
  assert.deepEqual(order("n"), [1, 4, 3, 5, 2]);
  assert.deepEqual(order("-n"), [5, 3, 1, 4, 2]);
  assert.deepEqual(order(undefined), [1, 2, 3, 4, 5]);
});

test("a trail is that of the snapshot, without the items that have gone since", () => {
  const state = empty("quotes");
  const trail = { AAPL: { close: [[1, 189]] }, VTI: { close: [[1, 301]] } };
  apply(state, { ...SNAPSHOT, trail });
  apply(state, { type: "diff", cursor: "k3-11", count: 2, del: ["VTI"] });
  assert.deepEqual(state.trail, { AAPL: { close: [[1, 189]] } });
  apply(state, SNAPSHOT);
  assert.equal(state.trail, undefined);
});
