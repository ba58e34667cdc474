// Modules of static/ as Node can import them: read and imported as data, with all that they import, for
// an older Node takes a .js file for CommonJS where no package.json speaks.

import { readFile } from "node:fs/promises";

const STATIC = new URL("../../static/", import.meta.url);
const loaded = new Map(); // a module is one, however often it is imported

/** The module at `path`, relative to static/. */
export async function load(path) {
  return import(await addressOnce(new URL(path, STATIC)));
}

function addressOnce(url) {
  if (!loaded.has(url.href)) loaded.set(url.href, address(url));
  return loaded.get(url.href);
}

async function address(url) {
  let source = await readFile(url, "utf8");
  for (const [whole, target] of source.matchAll(/ from "(\.[^"]+)"/g)) {
    source = source.replace(whole, ` from "${await addressOnce(new URL(target, url))}"`);
  }
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
