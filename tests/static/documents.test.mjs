// The two formats of patches. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { apply, jsonPatch, mergePatch } = await load("documents.js");
const { empty } = await load("reducer.js");

function contents(state) {
  return Object.fromEntries(state.items);
}

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

test("operations that do not apply are reported as diverged", () => {
  const state = empty("q");
  apply(state, structuredClone(DOCUMENT));
  const ops = [{ op: "replace", path: "/NONE/price", value: 1 }];
  assert.equal(apply(state, { type: "patch", cursor: "k-2", count: 2, ops }).diverged, true);
});

test("a member named __proto__ stays a member", () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'));
  assert.deepEqual(Object.keys(merged), ["__proto__", "constructor"]);
  jsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  assert.throws(() => jsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }]));
  assert.equal({}.polluted, undefined);
});

test("messages of the json format are taken too", () => {
  const state = empty("q");
  apply(state, { type: "snapshot", key: "id", cursor: "k-1", count: 1, items: [{ id: "a", n: 1 }] });
  apply(state, { type: "diff", cursor: "k-2", count: 1, patch: [{ id: "a", n: 2 }] });
  assert.deepEqual(contents(state), { a: { id: "a", n: 2 } });
});

for (const [format, member] of [
  ["merge-patch", { merge: { a: null } }],
  ["json-patch", { ops: [{ op: "remove", path: "/a" }] }],
]) {
  test(`${format} takes the trail of an item that has gone`, () => {
    const state = empty("q");
    apply(state, { ...structuredClone(DOCUMENT), trail: { a: { price: [[1, 1]] } } });
    apply(state, { type: "patch", cursor: "k-2", count: 1, ...member });
    assert.deepEqual(state.trail, {});
  });
}
