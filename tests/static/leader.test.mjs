// What the leading tab gives whom. Run by tests/test_static.py: `node --test tests/static/`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { Leader } = await load("leader.js");
const { apply, empty } = await load("reducer.js");

/** The client that leads, without a link: messages are put into it as if they had come. */
class Linked extends EventTarget {
  state = "connecting";
  transport = "ws";

  constructor({ channels, since }) {
    super();
    this.cursor = since;
    this.channels = new Map([...channels].map((name) => [name, empty(name)]));
  }

  add(names) {
    for (const name of names) if (!this.channels.has(name)) this.channels.set(name, empty(name));
  }

  remove(names) { for (const name of names) this.channels.delete(name); }

  close() { this.become("closed"); }

  become(state) {
    this.state = state;
    this.tell("state", { state, transport: "ws" });
  }

  take(message) {
    this.tell("message", { message, text: JSON.stringify(message) });
    const view = this.channels.get(message.channel);
    const change = apply(view, message);
    this.cursor = message.cursor ?? this.cursor;
    this.tell(message.type, { message, view, change });
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

function snapshot(channel, cursor, ...ids) {
  const items = ids.map((id) => ({ id }));
  return { type: "snapshot", channel, cursor, key: "id", count: ids.length, items };
}

function put(cursor, count, id, more) {
  return { type: "diff", channel: "news", cursor, count, put: [{ id }], ...more };
}

/** A leader of "me", whose tab follows `news`, with what it has told, newest last. */
function leading(client = { cursor: null, channels: new Map([["news", empty("news")]]) }) {
  const world = { told: [], gone: new Map() };
  const gone = (id) => new Promise((resolve) => world.gone.set(id, resolve));
  world.leader = new Leader(gone, (message) => world.told.push(message));
  world.leader.start(client, (options) => { world.link = new Linked(options); return world.link; });
  world.join = (from, ask, { have = [], cursor = null } = {}) => {
    world.told.length = 0;
    world.leader.hear({ from, want: ask, ask, have, cursor });
    return world.to(from);
  };
  world.to = (id) => world.told.filter(({ to, text }) => to === id && text).map(({ text }) => JSON.parse(text));
  return world;
}

function held(cursor, ...ids) {
  const view = empty("news");
  apply(view, snapshot("news", cursor, ...ids));
  return { cursor, channels: new Map([["news", view]]) };
}

test("who joins without anything is given all at once, and its status", () => {
  const world = leading();
  world.join("me", ["news"]);
  world.link.take(snapshot("news", "e-3", "a", "b"));
  world.link.take({ type: "status", channel: "news", state: "failing" });
  const [first, second] = world.join("you", ["news"]);
  assert.deepEqual(first.items, [{ id: "a" }, { id: "b" }]);
  assert.deepEqual([first.cursor, first.count, second.state], ["e-3", 2, "failing"]);
});

test("who takes over goes on from where its own tab stands", () => {
  const world = leading(held("e-5", "a"));
  assert.equal(world.link.cursor, "e-5");
  assert.deepEqual([...world.link.channels.get("news").items.keys()], ["a"]);
  assert.equal(leading().link.cursor, null);
});

test("who stands where the link was lost goes on from there, until it has begun anew", () => {
  const world = leading(held("e-5", "a"));
  const before = world.join("you", ["news"], { have: ["news"], cursor: "e-5" });
  assert.deepEqual(before, [
    { type: "diff", channel: "news", cursor: "e-5", count: 1, resumed: true },
  ]);
  world.link.take(put("e-5", 2, "b", { resumed: true }));
  const after = world.join("late", ["news"], { have: ["news"], cursor: "e-5" });
  assert.deepEqual(after.map(({ type, count }) => [type, count]), [["snapshot", 2]]);
});

test("who stands elsewhere is not taken back: it waits until the link has begun", () => {
  const world = leading(held("e-5", "a"));
  assert.deepEqual(world.join("you", ["news"], { have: ["news"], cursor: "e-7" }), []);
  world.link.take(put("e-8", 2, "b", { resumed: true }));
  assert.deepEqual(world.to("you").map(({ items }) => items), [[{ id: "a" }, { id: "b" }]]);
  world.told.length = 0;
  world.link.take(put("e-9", 3, "c"));
  assert.deepEqual(world.told.map(({ to, first }) => [to, first]), [[undefined, false]]);
});

test("what nobody wants any more is not followed any more, also when a tab has ended", async () => {
  const world = leading();
  world.join("me", ["news"]);
  world.join("you", ["quotes"]);
  assert.deepEqual([...world.link.channels.keys()], ["news", "quotes"]);
  world.gone.get("you")();
  await new Promise(setImmediate);
  assert.deepEqual([...world.link.channels.keys()], ["news"]);
});

test("who has left is given nothing any more", () => {
  const world = leading(held("e-5", "a"));
  world.join("you", ["news"], { have: ["news"], cursor: "e-7" });
  world.leader.hear({ from: "you", leave: true });
  world.join("me", ["news"]);
  world.told.length = 0;
  world.link.take(put("e-8", 2, "b", { resumed: true }));
  assert.deepEqual(world.told.filter(({ to }) => to === "you"), []);
});

test("a channel that cannot be had is told once, and to those who want it", () => {
  const world = leading();
  world.join("me", ["news"]);
  world.join("you", ["news", "nowhere"]);
  world.link.channels.delete("nowhere");
  world.told.length = 0;
  world.link.tell("error", { type: "error", code: "http_404", message: "no", channel: "nowhere" });
  world.link.tell("error", { type: "error", code: "not_opened", message: "again" });
  assert.deepEqual(world.to("you").map(({ code, channel }) => [code, channel]), [["http_404", "nowhere"]]);
  assert.equal(world.told.length, 1);
});

test("a link that is closed for good is told to all, one that the leader closes to nobody", () => {
  const world = leading();
  world.link.tell("error", { type: "error", code: "http_401", message: "no" });
  world.link.become("closed");
  assert.equal(world.told.at(-1).refused.code, "http_401");
  const other = leading();
  other.told.length = 0;
  other.leader.close();
  assert.deepEqual(other.told, []);
});
