// Channels as JSON documents: the formats `merge-patch` (RFC 7396) and `json-patch` (RFC 6902) of
// docs/protocol.md lead to the same items as `json`. The client does not ask for them, so this is not
// among what it loads.

import { READERS, apply as reduce, begin, erase, write } from "./reducer.js";

/** As `apply` of reducer.js, for messages in any of the three formats. */
export function apply(state, message) {
  return reduce(state, message, DOCUMENT_READERS);
}

const DOCUMENT_READERS = {
  __proto__: null,
  ...READERS,
  snapshot(state, message, change) {
    if (message.doc === undefined) return READERS.snapshot(state, message, change);
    begin(state, message);
    state.items = new Map(Object.entries(message.doc));
  },
  patch(state, message, change) {
    change.kind = "diff";
    if (!state.whole) return;
    if (message.ops !== undefined) return patchItems(state, message.ops, change);
    for (const [key, part] of Object.entries(message.merge)) {
      if (part === null) erase(state, key, change);
      else write(state, key, mergePatch(state.items.get(key), part), change);
    }
  },
};

function patchItems(state, ops, change) {
  const before = state.items;
  const result = jsonPatch(new Map(before), ops);
  state.items = result instanceof Map ? result : new Map(Object.entries(result));
  for (const [key, item] of state.items) {
    if (!before.has(key)) change.added.push(key);
    else if (before.get(key) !== item) change.changed.push(key);
  }
  for (const key of before.keys()) {
    if (state.items.has(key)) continue;
    change.removed.push(key);
    delete state.trail?.[key];
  }
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
