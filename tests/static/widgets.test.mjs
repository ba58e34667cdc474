// How the widgets write prices, times and states. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { amount, lapse, moment, price, signed, tickDecimals } = await load("widgets/text.js");
const { describe, emptiness } = await load("widgets/state.js");
const { valueMarks, timeMarks } = await load("widgets/axis.js");
const { History } = await load("widgets/history.js");
const { compare } = await load("widgets/words.js");
const { tsv } = await load("widgets/tsv.js");

const [THIN, DIGIT, POINT, MINUS] = ["\u2009", "\u2007", "\u2008", "\u2212"];

test("a price has thin spaces, a true minus, and room for the decimals of others", () => {
  assert.equal(price(68240.5, 2), `68${THIN}240.50`);
  assert.equal(price(-1234567.891, 1), `${MINUS}1${THIN}234${THIN}567.9`);
  assert.equal(price(62.4, 2, 4), `62.40${DIGIT}${DIGIT}`);
  assert.equal(price(240, 0, 2), `240${POINT}${DIGIT}${DIGIT}`);
  assert.equal(price(undefined, 2), "–");
  assert.equal(price("12", 2), "–");
});

test("a gain has a plus, and what rounds to nothing has no sign", () => {
  assert.equal(signed(0.08, 2), "+0.08");
  assert.equal(signed(-0.08, 2), `${MINUS}0.08`);
  assert.equal(signed(0.001, 2), "0.00");
  assert.equal(signed(-0.001, 2), "0.00");
  assert.equal(signed(0, 2), "0.00");
});

test("an instrument keeps the most decimals its prices showed, and noise counts for none", () => {
  assert.equal(tickDecimals({ last: 1.0842, bid: 1.084 }), 4);
  assert.equal(tickDecimals({ last: 62 }, 3), 3);
  assert.equal(tickDecimals({ last: 189.10000000000002, bid: 189.1 }), 2);
  assert.equal(tickDecimals({ change: 0.12345 }), 2);
});

test("an amount is never wider than six characters", () => {
  assert.equal(amount(99_999), `99${THIN}999`);
  assert.equal(amount(123_456), "123K");
  assert.equal(amount(999_999), "1.00M");
  assert.equal(amount(1_234_567), "1.23M");
  assert.equal(amount(63_430_000), "63.4M");
  assert.equal(amount(5e11), "500B");
  for (let power = 0; power < 14; power++) {
    for (const digits of [1, 9.9994, 9.9996]) assert.ok(amount(Math.round(digits * 10 ** power)).length <= 6);
  }
});

test("a time is a clock's within a day, and a date beyond", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  assert.match(moment("2026-11-22T11:59:58Z", now), /^\d\d:59:58$/);
  assert.match(moment("2026-11-20T12:00:00Z", now), /^20 Nov$/);
  assert.equal(moment("soon", now), "");
  assert.equal(moment(null, now), "");
});

test("a lapse counts minutes, then hours", () => {
  assert.equal(lapse(42_999), "00:42");
  assert.equal(lapse(725_000), "12:05");
  assert.equal(lapse(11_525_000), "3:12:05");
  assert.equal(lapse(176_525_000), "49:02:05");
  assert.equal(lapse(-5), "00:00");
  assert.equal(lapse(NaN), "00:00");
});

const NOW = Date.parse("2026-11-22T12:00:00Z");

function view(state, more = {}) {
  return { cursor: "e-1", items: new Map([["a", {}]]), as_of: "2026-11-22T11:59:18Z", status: { state, ...more } };
}

function said(link, seen, more) {
  const { name, tone, text } = describe({ link: { wait_ms: null, reason: null, at: NOW, ...link }, view: seen, now: NOW, ...more });
  return [name, tone, text].join(" | ");
}

test("each state has its name, its tone and its words", () => {
  const live = { state: "live" };
  assert.equal(said({ state: "connecting" }, null), "loading | calm | connecting");
  assert.equal(said(live, { ...view("ok"), cursor: null }), "loading | calm | loading");
  assert.equal(said(live, view("ok")), "live | ok | LIVE");
  assert.equal(said(live, view("ok"), { delay: 120.4 }), "live | ok | LIVE 120 ms");
  assert.equal(said(live, view("ok"), { delay: 2_100 }), "live | ok | LIVE 2 s");
  assert.equal(said(live, { ...view("ok"), items: new Map() }), "empty | ok | LIVE");
  assert.equal(said(live, view("ok"), { delay: 5, missed: 12 }), "live | ok | LIVE 5 ms · caught up on 12");
  assert.equal(said(live, view("stale")), "stale | warn | STALE 00:42");
  const error = { kind: "http_503", message: "503 Service Unavailable" };
  assert.equal(said(live, view("failing", { error })), "failing | bad | FAILING 00:42 · 503 Service Unavailable");
  assert.match(said(live, view("limited", { next_poll: "2026-11-22T12:30:00Z" })), /^limited \| warn \| LIMITED until \d\d:30:00$/);
  assert.equal(said(live, view("waiting")), "waiting | calm | waiting for the first read");
});

test("what is wrong with the link comes before what is wrong with the source", () => {
  assert.equal(said({ state: "reconnecting", wait_ms: 3_000 }, view("stale")), "reconnecting | warn | reconnecting in 3 s");
  assert.equal(said({ state: "reconnecting" }, view("ok")), "reconnecting | warn | reconnecting");
  assert.equal(said({ state: "offline" }, view("ok")), "offline | bad | OFFLINE");
  assert.equal(said({ state: "closed", reason: "no channel 'x'" }, null), "denied | bad | refused: no channel 'x'");
});

test("only an element without items says why", () => {
  assert.equal(emptiness({ name: "loading", text: "" }, "news"), "");
  assert.match(emptiness({ name: "empty", text: "LIVE" }, "news"), /^Nothing in news now/);
  assert.equal(emptiness({ name: "denied", text: "refused: why" }, "news"), "refused: why");
});

test("marks stand at round values and times", () => {
  assert.deepEqual(valueMarks(67_012, 67_990, 5).marks, [67_200, 67_400, 67_600, 67_800]);
  assert.equal(valueMarks(1.0912, 1.0968, 4).decimals, 3);
  assert.deepEqual(timeMarks(1_000, 1_600, 6, 0), { marks: [1_080, 1_200, 1_320, 1_440, 1_560], step: 120 });
  assert.deepEqual(timeMarks(1_000, 8_200, 2, 1_800).marks, [1_800, 5_400]);
});

test("a history begins with the trail, stays bounded, and is no denser than it may be", () => {
  const history = new History(4, 2);
  history.start({ a: { last: [[1, 10], [2, null], [6, 11]] } }, "last");
  assert.deepEqual(history.of("a"), [[1, 10], [6, 11]]);
  for (const at of [10, 10.5, 11, 12.5]) history.add("a", at, at);
  assert.ok(history.of("a").length <= 4);
  assert.deepEqual(history.of("a").at(-1), [12.5, 12.5]);
  history.add("a", 60, 13);
  assert.deepEqual(history.of("a").slice(-3), [[12.5, 12.5], [58, 12.5], [60, 13]]);
  history.add("a", 61, null);
  history.add("a", 62, null);
  assert.equal(history.of("a").filter(([, value]) => value === null).length, 1);
  history.keep([]);
  assert.deepEqual(history.of("a"), []);
});

test("a history takes the trail of a snapshot, and what came", () => {
  const history = new History(4, 2);
  const view = { items: new Map([["a", { last: 7 }], ["b", { last: null }]]), trail: { a: { last: [[1, 5]] } } };
  history.take(["a", "b"], "snapshot", view, "last");
  assert.deepEqual(history.of("a").map(([, value]) => value), [5, 5, 7]);
  assert.deepEqual(history.of("b"), []);
});

test("two versions of a text are compared from both ends", () => {
  const parts = (before, after) => Object.values(compare(before, after)).join(" | ");
  assert.equal(parts("a b c d", "a x y d"), "a | b c | x y | d");
  assert.equal(parts("a b", "a b c"), "a b |  | c | ");
  assert.equal(parts("a a", "a"), "a | a |  | ");
  assert.equal(parts("", "new"), " |  | new | ");
  assert.equal(parts("same", "same"), "same |  |  | ");
});

test("rows become lines of values as they are, and none becomes a formula", () => {
  const columns = [{ field: "id" }, { field: "bid", beside: "ask" }, { field: "spark", draw() {} }, { field: "note" }];
  const items = [{ id: 1, bid: -1.5, ask: null, note: "=A1" }, { id: "b", note: "two\n\tlines" }, { id: "c", note: { a: 1 } }];
  assert.equal(tsv(columns, items), 'id\tbid\task\tnote\n1\t-1.5\t\t\'=A1\nb\t\t\ttwo lines\nc\t\t\t{"a":1}');
  assert.equal(tsv([{ field: "a" }], [{ a: "-5" }, { a: "+5" }, { a: "@x" }]), "a\n-5\n'+5\n'@x");
});
