// Loads the elements that a page uses: the file of each kind once one stands in the document, and what it
// imports. docs/widgets.md says how to use them. What stands in a shadow root, a page asks for with `load`.

// What each file imports, and that imports in turn, is asked for beside it: found one by one, as files are read,
// the last would be seven round trips away.
const ALL = "../stream ../address ../links ../page ../reducer ../waits ../dom ../format element lines look make state surround text";
const GRID = "grid gridlook later lineup row";
const KINDS = {
  chart: [() => import("./widgets/chart.js"), "axis history plot"],
  news: [() => import("./widgets/news.js"), "later link lineup newslook rover"],
  status: [() => import("./widgets/status.js"), ""],
  table: [() => import("./widgets/table.js"), `${GRID} link ../columns`],
  ticker: [() => import("./widgets/ticker.js"), ""],
  watchlist: [() => import("./widgets/watchlist.js"), GRID],
};
const UNKNOWN = Object.keys(KINDS).map((kind) => `stream-${kind}:not(:defined)`).join();
// Of two copies in a page the first loads for both: elements of two copies would not share their links.
const first = (globalThis[Symbol.for("stream-widgets")] ??= loadOnce);
const loads = new Map(); // kind → ends when the page knows it
const told = new Set(); // kinds of which it was said that they could not be loaded

/** Loads these kinds of elements, such as "news", wherever they stand; ends when the page knows them. */
export async function load(...kinds) {
  await Promise.all(kinds.map(first));
}

function loadOnce(kind) {
  if (!Object.hasOwn(KINDS, kind)) {
    throw new TypeError(`load: no kind '${kind}', there are ${Object.keys(KINDS).join(", ")}`);
  }
  if (!loads.has(kind)) loads.set(kind, fetchAll(kind));
  return loads.get(kind);
}

function fetchAll(kind) {
  const [load, beside] = KINDS[kind];
  const loading = load();
  for (const name of `${ALL} ${beside}`.trim().split(" ")) {
    import(new URL(`widgets/${name}.js`, import.meta.url)).catch(() => {}); // `loading` says so too
  }
  loading.catch(() => loads.delete(kind)); // it may be tried again
  return loading;
}

function find(node) {
  const found = [...node.querySelectorAll(UNKNOWN)];
  if (node.matches?.(UNKNOWN)) found.push(node);
  for (const { localName } of found) {
    const kind = localName.replace("stream-", "");
    loadOnce(kind).catch((error) => {
      if (!told.has(kind)) console.error(`<${localName}> could not be loaded.`, error);
      told.add(kind);
    });
  }
}

if (first === loadOnce) {
  find(document);
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) if (node.querySelectorAll) find(node);
    }
  }).observe(document, { childList: true, subtree: true });
}
