// The pure half of the browser client. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

// Read and imported as data: an older Node takes a .js file for CommonJS where no package.json speaks.
const source = await readFile(new URL("../../static/reducer.js", import.meta.url), "utf8");
const { apply, empty, jsonPatch, mergePatch, sorted } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`
);

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
  ["operations that do not apply", {
    type: "patch", cursor: "k3-11", count: 3, ops: [{ op: "replace", path: "/NONE/close", value: 1 }],
  }],
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
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'));
  assert.deepEqual(Object.keys(merged), ["__proto__", "constructor"]);
  jsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  assert.throws(() => jsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }]));
  assert.equal({}.polluted, undefined);
});

const DOCUMENT = { type: "snapshot", channel: "q", cursor: "k-1", key: "id", count: 2, doc: {
  a: { id: "a", price: 1, tags: ["x", "y"], owner: { name: "Ann", age: 4 } },
  "b/c~d": { id: "b/c~d", price: 2 },
} };

for (const [format, member] of [
  ["merge-patch", { merge: {
    a: { price: 3, owner: { age: null } }, "b/c~d": null, n: { id: "n", price: 9 },
  } }],
  ["json-patch", { ops: [
    { op: "replace", path: "/a/price", value: 3 },
    { op: "remove", path: "/a/owner/age" },
    { op: "remove", path: "/b~1c~0d" },
    { op: "add", path: "/n", value: { id: "n", price: 9 } },
  ] }],
]) {
  test(`${format} leads to the same items as the json format`, () => {
    const state = empty("q");
    apply(state, structuredClone(DOCUMENT));
    const kept = state.items.get("a");
    const change = apply(state, { type: "patch", channel: "q", cursor: "k-2", count: 2, ...member });
    assert.deepEqual(contents(state), {
      a: { id: "a", price: 3, tags: ["x", "y"], owner: { name: "Ann" } },
      n: { id: "n", price: 9 },
    });
    assert.deepEqual(change, {
      kind: "diff", added: ["n"], changed: ["a"], removed: ["b/c~d"], diverged: false,
    });
    assert.equal(state.cursor, "k-2");
    assert.deepEqual(kept, DOCUMENT.doc.a);
  });
}

// The table of RFC 7396, appendix A.
for (const [target, patch, expected] of [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [["a", "b"], ["c", "d"], ["c", "d"]],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]) {
  test(`merging ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, () => {
    const before = structuredClone(target);
    assert.deepEqual(mergePatch(target, patch), expected);
    assert.deepEqual(target, before);
  });
}

// Cases of RFC 6902, section 4 and appendix A.
for (const [document, ops, expected] of [
  [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
  [{ foo: ["a", "c"] }, [{ op: "add", path: "/foo/1", value: "b" }], { foo: ["a", "b", "c"] }],
  [{ foo: ["a"] }, [{ op: "add", path: "/foo/-", value: ["b"] }], { foo: ["a", ["b"]] }],
  [{ foo: ["a", "b"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["a"] }],
  [{ foo: ["a", "b"] }, [{ op: "replace", path: "/foo/0", value: 1 }], { foo: [1, "b"] }],
  [{ a: { x: 1 }, b: {} }, [{ op: "move", from: "/a/x", path: "/b/y" }], { a: {}, b: { y: 1 } }],
  [{ foo: [1, 2, 3] }, [{ op: "move", from: "/foo/0", path: "/foo/2" }], { foo: [2, 3, 1] }],
  [{ a: { x: [1] } }, [{ op: "copy", from: "/a/x", path: "/y" }], { a: { x: [1] }, y: [1] }],
  [{ "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
  [{ a: [{ b: 1 }] }, [{ op: "test", path: "", value: { a: [{ b: 1 }] } }], { a: [{ b: 1 }] }],
  [{ a: 1 }, [{ op: "replace", path: "", value: [2] }], [2]],
  [{ a: 1 }, [{ op: "add", path: "/a", value: null, more: true }], { a: null }],
]) {
  test(`patching ${JSON.stringify(document)} with ${JSON.stringify(ops)}`, () => {
    const before = structuredClone(document);
    assert.deepEqual(jsonPatch(document, ops), expected);
    assert.deepEqual(document, before);
  });
}

for (const op of [
  { op: "add", path: "/none/b", value: 1 },
  { op: "add", path: "/list/9", value: 1 },
  { op: "add", path: "/list/01", value: 1 },
  { op: "add", path: "b", value: 1 },
  { op: "add", path: "/b" },
  { op: "remove", path: "/none" },
  { op: "remove", path: "/list/-" },
  { op: "replace", path: "/none", value: 1 },
  { op: "replace", path: "/list/1", value: 1 },
  { op: "move", from: "/object", path: "/object/inner" },
  { op: "copy", from: "/none", path: "/b" },
  { op: "test", path: "/text", value: 1 },
  { op: "test", path: "/list", value: { 0: 1 } },
  { op: "toString", path: "/text" },
]) {
  test(`refusing ${JSON.stringify(op)}`, () => {
    assert.throws(() => jsonPatch({ text: "t", list: [1], object: {} }, [op]));
  });
}

test("a whole document may be replaced by operations", () => {
  const state = empty("q");
  apply(state, structuredClone(DOCUMENT));
  const ops = [{ op: "replace", path: "", value: { z: { id: "z" } } }];
  const change = apply(state, { type: "patch", cursor: "k-2", count: 1, ops });
  assert.deepEqual(contents(state), { z: { id: "z" } });
  assert.deepEqual(change.removed, ["a", "b/c~d"]);
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
