// What a channel looks like after a message: the pure half of the client (no network, clock or page).
// The contract is docs/protocol.md, format `json`; the two formats of patches are in documents.js.

/** A channel of which nothing was heard yet. */
export function empty(name) {
  return {
    name, key: null, sort: null, items: new Map(), whole: false,
    status: null, as_of: null, cursor: null, count: 0,
  };
}

/**
 * Applies one message to `state` in place; items themselves are replaced, never changed, so an item
 * that was kept aside stays as it was. Returns what happened, or null for a message of another kind:
 * `{kind, added, changed, removed, diverged}` with lists of keys. On a snapshot the lists are empty:
 * everything may be different. `diverged` says that the items no longer are what the server has.
 * `readers` hold one function per type of message.
 */
export function apply(state, message, readers = READERS) {
  const read = readers[message.type];
  if (!read) return null;
  const change = { kind: message.type, added: [], changed: [], removed: [], diverged: false };
  try {
    read(state, message, change);
  } catch {
    change.diverged = true;
  }
  if (message.as_of !== undefined) state.as_of = message.as_of;
  if (change.kind === "status") return change;
  state.cursor = message.cursor ?? state.cursor;
  state.count = message.count ?? state.items.size;
  // Resumed into an empty client there are no items that could have diverged.
  if (state.whole && state.count !== state.items.size) change.diverged = true;
  // A status is sent after a first message only if it is not ok.
  if (change.kind === "snapshot" || message.resumed) state.status = { state: "ok" };
  return change;
}

export const READERS = {
  __proto__: null, // a type may be called `constructor`
  snapshot(state, message) {
    begin(state, message);
    state.items = new Map(message.items.map((item) => [keyOf(item, state.key), item]));
  },
  diff(state, message, change) {
    if (state.key === null && !state.whole) return;
    for (const item of message.put ?? []) write(state, keyOf(item, state.key), item, change);
    for (const part of message.patch ?? []) {
      const key = keyOf(part, state.key);
      const item = state.items.get(key);
      if (item === undefined) change.diverged = true;
      // Spread, not Object.assign: a field named __proto__ must stay a field.
      else write(state, key, { ...item, ...part }, change);
    }
    for (const key of message.del ?? []) erase(state, key, change);
  },
  status(state, message) {
    state.status = message;
  },
};

/** What every snapshot says, whatever its format. */
export function begin(state, message) {
  state.key = message.key ?? null;
  state.sort = message.sort ?? null;
  state.trail = message.trail;
  state.whole = true;
}

export function write(state, key, item, change) {
  (state.items.has(key) ? change.changed : change.added).push(key);
  state.items.set(key, item);
}

export function erase(state, key, change) {
  if (!state.items.delete(key)) return;
  change.removed.push(key);
  delete state.trail?.[key];
}

function keyOf(item, field) {
  if (!Object.hasOwn(item, field)) throw new Error();
  return item[field];
}

/** `[key, item]` pairs in the channel's order: by `sort`, else as they came; no value = last. */
export function sorted(state) {
  const pairs = [...state.items];
  if (!state.sort) return pairs;
  const down = state.sort.startsWith("-");
  const field = down ? state.sort.slice(1) : state.sort;
  return pairs.sort(([, a], [, b]) => compare(a[field], b[field], down ? -1 : 1));
}

const KINDS = ["number", "string", "boolean"];

function compare(a, b, sign) {
  const kind = KINDS.indexOf(typeof a);
  const other = KINDS.indexOf(typeof b);
  if (kind < 0 || other < 0) return (kind < 0) - (other < 0);
  if (kind !== other) return sign * (kind - other);
  return a === b ? 0 : a < b ? -sign : sign;
}
