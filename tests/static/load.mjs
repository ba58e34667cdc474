// Modules of static/ as Node can import them: read and imported as data, imports of neighbours included,
// for an older Node takes a .js file for CommonJS where no package.json speaks.

import { readFile } from "node:fs/promises";

const STATIC = new URL("../../static/", import.meta.url);
const loaded = new Map(); // a module is one, however often it is imported

async function address(name) {
  let source = await readFile(new URL(name, STATIC), "utf8");
  for (const [whole, neighbour] of source.matchAll(/from "\.\/([\w.]+)"/g)) {
    source = source.replace(whole, `from "${await addressOnce(neighbour)}"`);
  }
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

function addressOnce(name) {
  if (!loaded.has(name)) loaded.set(name, address(name));
  return loaded.get(name);
}

export async function load(name) {
  return import(await addressOnce(name));
}
