// What a channel looks like after a message: the pure half of the client (no network, clock or page).
// The contract is docs/protocol.md: `json`, `merge-patch` and `json-patch` lead to the same items.

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
 */
export function apply(state, message) {
  const read = READERS[Object.hasOwn(READERS, message.type) ? message.type : "other"];
  if (!read) return null;
  const kind = message.type === "patch" ? "diff" : message.type;
  const change = { kind, added: [], changed: [], removed: [], diverged: false };
  try {
    read(state, message, change);
  } catch {
    change.diverged = true;
  }
  if (message.as_of !== undefined) state.as_of = message.as_of;
  if (kind === "status") return change;
  state.cursor = message.cursor ?? state.cursor;
  state.count = message.count ?? state.items.size;
  // Resumed into an empty client there are no items that could have diverged.
  if (state.whole && state.count !== state.items.size) change.diverged = true;
  // A status is sent after a first message only if it is not ok.
  if (kind === "snapshot" || message.resumed) state.status = { state: "ok" };
  return change;
}

const READERS = {
  snapshot(state, message) {
    state.key = message.key ?? null;
    state.sort = message.sort ?? null;
    state.whole = true;
    state.items = message.doc === undefined
      ? new Map(message.items.map((item) => [keyOf(item, state.key), item]))
      : new Map(Object.entries(message.doc));
    if (message.trail !== undefined) state.trail = message.trail;
  },
  diff(state, message, change) {
    if (state.key === null && !state.whole) return;
    for (const item of message.put ?? []) write(state.items, keyOf(item, state.key), item, change);
    for (const part of message.patch ?? []) {
      const key = keyOf(part, state.key);
      const item = state.items.get(key);
      if (item === undefined) change.diverged = true;
      // Spread, not Object.assign: a field named __proto__ must stay a field.
      else write(state.items, key, { ...item, ...part }, change);
    }
    for (const key of message.del ?? []) erase(state.items, key, change);
  },
  patch(state, message, change) {
    if (!state.whole) return;
    if (message.ops !== undefined) return patchItems(state, message.ops, change);
    for (const [key, part] of Object.entries(message.merge)) {
      if (part === null) erase(state.items, key, change);
      else write(state.items, key, mergePatch(state.items.get(key), part), change);
    }
  },
  status(state, message) {
    state.status = message;
  },
};

function keyOf(item, field) {
  if (!isObject(item) || !Object.hasOwn(item, field)) throw new Error(`no key '${field}'`);
  return item[field];
}

function write(items, key, item, change) {
  (items.has(key) ? change.changed : change.added).push(key);
  items.set(key, item);
}

function erase(items, key, change) {
  if (items.delete(key)) change.removed.push(key);
}

function patchItems(state, ops, change) {
  const before = state.items;
  const result = jsonPatch(new Map(before), ops);
  state.items = result instanceof Map ? result : new Map(Object.entries(result));
  for (const [key, item] of state.items) {
    if (!before.has(key)) change.added.push(key);
    else if (before.get(key) !== item) change.changed.push(key);
  }
  for (const key of before.keys()) if (!state.items.has(key)) change.removed.push(key);
}

/** RFC 7396: `target` with `patch` merged in. Neither is changed; what did not change is shared. */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else put(result, name, mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value));
  }
  return result;
}

/**
 * RFC 6902: `document` after all `ops`; throws at the first that fails. A plain document is not changed;
 * a Map at the root stands for an object and is changed in place.
 */
export function jsonPatch(document, ops) {
  return ops.reduce((result, op) => {
    const run = OPERATIONS[Object.hasOwn(OPERATIONS, op.op) ? op.op : "none"];
    if (!run) throw new Error(`unknown operation '${op.op}'`);
    return run(result, tokens(op.path), op);
  }, document);
}

const OPERATIONS = {
  add: (document, path, op) => insert(document, path, valueOf(op)),
  remove: (document, path) => remove(document, path),
  replace(document, path, op) {
    find(document, path);
    return edit(document, path, valueOf(op), (node, token, value) => {
      if (Array.isArray(node)) node[index(token, node.length - 1)] = value;
      else put(node, token, value);
    });
  },
  move(document, path, op) {
    const from = tokens(op.from);
    if (path.length > from.length && from.every((token, at) => token === path[at])) {
      throw new Error("cannot move a value into itself");
    }
    const value = find(document, from);
    return insert(remove(document, from), path, value);
  },
  copy: (document, path, op) => insert(document, path, find(document, tokens(op.from))),
  test(document, path, op) {
    if (!equal(find(document, path), valueOf(op))) throw new Error(`test failed at '${op.path}'`);
    return document;
  },
};

function insert(document, path, value) {
  return edit(document, path, value, (node, token) => {
    if (!Array.isArray(node)) put(node, token, value);
    else node.splice(token === "-" ? node.length : index(token, node.length), 0, value);
  });
}

function remove(document, path) {
  find(document, path);
  return edit(document, path, undefined, (node, token) => {
    if (node instanceof Map) node.delete(token);
    else if (Array.isArray(node)) node.splice(index(token, node.length - 1), 1);
    else delete node[token];
  });
}

// Copies only the containers on the way to the place; an empty path replaces the whole document.
function edit(node, path, value, leaf) {
  if (path.length === 0) return value;
  if (node === null || typeof node !== "object") throw new Error("not a container");
  const copy = node instanceof Map ? node : Array.isArray(node) ? [...node] : { ...node };
  const [token, ...rest] = path;
  if (rest.length === 0) leaf(copy, token, value);
  else if (Array.isArray(copy)) copy[token] = edit(child(node, token), rest, value, leaf);
  else put(copy, token, edit(child(node, token), rest, value, leaf));
  return copy;
}

function find(document, path) {
  return path.reduce(child, document);
}

function child(node, token) {
  if (node instanceof Map ? node.has(token) : isObject(node) && Object.hasOwn(node, token)) {
    return node instanceof Map ? node.get(token) : node[token];
  }
  if (Array.isArray(node)) return node[index(token, node.length - 1)];
  throw new Error(`nothing at '${token}'`);
}

// Defined, not assigned: a member named __proto__ must stay a member.
function put(node, token, value) {
  if (node instanceof Map) return node.set(token, value);
  const open = { writable: true, enumerable: true, configurable: true };
  Object.defineProperty(node, token, { value, ...open });
}

function tokens(pointer) {
  if (pointer === "") return [];
  if (typeof pointer !== "string" || pointer[0] !== "/") throw new Error(`bad pointer '${pointer}'`);
  return pointer.slice(1).split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function index(token, most) {
  if (!/^(0|[1-9]\d*)$/.test(token) || Number(token) > most) throw new Error(`bad index '${token}'`);
  return Number(token);
}

function valueOf(op) {
  if (op.value === undefined) throw new Error(`'${op.op}' without a value`);
  return op.value;
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function equal(a, b) {
  if (a === b) return true;
  if (a instanceof Map) return equal(Object.fromEntries(a), b);
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length
    && names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]));
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
