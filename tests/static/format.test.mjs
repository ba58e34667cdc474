// How the console writes values and times. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

// Read and imported as data: an older Node takes a .js file for CommonJS where no package.json speaks.
const source = await readFile(new URL("../../static/format.js", import.meta.url), "utf8");
const { cellText, decimalsOf, duration, fullText, isLink, isNumeric, shellWord, since } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`
);

test("a number is padded, and never rounded", () => {
  assert.equal(cellText(189.1, 2), "189.10");
  assert.equal(cellText(240, 2), "240.00");
  assert.equal(cellText(-0.5, 0), "-0.5");
  assert.equal(cellText(1.08345, 2), "1.08345");
  assert.equal(cellText(123456789.1, 8), "123456789.10000000");
});

test("a tiny number is written out, and one that cannot be is left as it is", () => {
  assert.equal(decimalsOf(3e-8), 8);
  assert.equal(cellText(3e-8, 8), "0.00000003");
  assert.equal(cellText(1e-12, 8), "1e-12");
  assert.equal(cellText(1e21, 2), "1e+21");
  assert.equal(cellText(0.12345678901234, 2), "0.12345678901234");
});

test("any value is one line, and a long one says how much is left out", () => {
  assert.equal(cellText(undefined), "");
  assert.equal(cellText(null), "–");
  assert.equal(cellText(false), "false");
  assert.equal(cellText({ a: [1, null] }), '{"a":[1,null]}');
  assert.equal(cellText("two\n  lines"), "two lines");
  assert.match(cellText("x".repeat(2000)), /^x{300}… 1,700 more characters$/);
});

test("in full, a short object stays on one line", () => {
  assert.equal(fullText(null), "null");
  assert.equal(fullText(["a", "b"]), '["a","b"]');
  assert.match(fullText({ a: "x".repeat(90) }), /^\{\n {2}"a"/);
  assert.equal(fullText("\"quoted\""), "\"quoted\"");
  const long = Array.from({ length: 50 }, (_, n) => n);
  assert.equal(fullText(long), `[${long.join(", ")}]`);
  assert.equal(fullText({ long, inner: { a: null } }), `{\n  "long": [${long.join(", ")}],\n  "inner": {"a":null}\n}`);
  assert.deepEqual(JSON.parse(fullText([{ long }, "text", [long, "a"]])), [{ long }, "text", [long, "a"]]);
});

test("only http addresses are links", () => {
  assert.equal(isLink("https://example.com/a?b=c"), true);
  assert.equal(isLink("javascript:alert(1)"), false);
  assert.equal(isLink("see https://example.com"), false);
  assert.equal(isLink(7), false);
});

test("numbers written as text line up with numbers", () => {
  assert.equal(isNumeric("67123.50"), true);
  assert.equal(isNumeric("9007199254740993"), true);
  assert.equal(isNumeric("12 kg"), false);
  assert.equal(isNumeric(null), false);
});

test("an age is never negative and gets coarser as it grows", () => {
  assert.equal(duration(-5000), "0 s");
  assert.equal(duration(42_400), "42 s");
  assert.equal(duration(240_000), "4 min");
  assert.equal(duration(7_200_000), "2 h");
  assert.equal(duration(3 * 86_400_000), "3 d");
  assert.equal(since("2026-11-22T02:11:09Z", Date.parse("2026-11-22T02:11:21Z")), "12 s");
  assert.equal(since(null, 0), "");
});

test("a line to copy is one word for the shell", () => {
  assert.equal(shellWord("http://localhost:8000/sse/user:1"), "http://localhost:8000/sse/user:1");
  assert.equal(shellWord("http://h/sse/a?b=c&d='"), `'http://h/sse/a?b=c&d='\\'''`);
});
