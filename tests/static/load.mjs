// Imports a script of static/ and what it imports, as data: an older Node takes a .js file for CommonJS
// where no package.json speaks.

import { readFile } from "node:fs/promises";

/** The module at `path`, relative to static/. */
export async function load(path) {
  return import(await address(new URL(path, new URL("../../static/", import.meta.url))));
}

async function address(url) {
  let source = await readFile(url, "utf8");
  for (const [whole, target] of [...source.matchAll(/ from "(\.[^"]+)";/g)]) {
    source = source.replace(whole, ` from "${await address(new URL(target, url))}";`);
  }
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
