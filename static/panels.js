// The two quiet panels of a channel: the messages as they pass, and the lines to copy.

import { element } from "./dom.js";
import { shellWord, shorten } from "./format.js";
import { pathOf } from "./server.js";

const MOST_MESSAGES = 50;
const MOST_CHARS = 2_000;

/** The last messages, newest first; kept as text, for items are shared with the table. */
export class RawTape {
  #list;
  #fresh = []; // not painted yet, oldest first

  constructor(list) {
    this.#list = list;
  }

  take({ message, text }) {
    const { type = "", cursor = "" } = message;
    this.#fresh.push({ type, cursor, text: shorten(text, MOST_CHARS), at: new Date() });
    if (this.#fresh.length > MOST_MESSAGES) this.#fresh.shift();
  }

  clear() {
    this.#fresh = [];
    this.#list.replaceChildren();
  }

  /** Answers whether there is nothing to see. */
  paint() {
    for (const { type, cursor, text, at } of this.#fresh) {
      const full = this.#list.children.length >= MOST_MESSAGES;
      const line = full ? this.#list.lastChild : newLine();
      line.dataset.type = type;
      const texts = [at.toLocaleTimeString("en-GB"), type, cursor, text];
      texts.forEach((part, n) => { line.children[n].textContent = part; });
      this.#list.prepend(line);
    }
    this.#fresh = [];
    return this.#list.children.length === 0;
  }
}

function newLine() {
  const line = element("li");
  line.append(element("time"), element("b"), element("i"), element("code"));
  return line;
}

/** Fills the panel with what to type for exactly this channel and view. */
export class Snippets {
  #panel; #format;
  #asked = null;

  constructor(panel) {
    this.#panel = panel;
    this.#format = panel.querySelector("select");
    this.#format.addEventListener("change", () => this.#write());
    for (const snippet of panel.querySelectorAll(".snippet")) copyable(snippet);
  }

  show(base, name, options, hasToken) {
    this.#asked = { base, name, options, hasToken };
    this.#write();
  }

  #write() {
    const { base, name, options, hasToken } = this.#asked;
    const header = hasToken ? ' -H "Authorization: Bearer $TOKEN"' : "";
    const format = this.#format.value === "json" ? undefined : this.#format.value;
    const place = (kind) => address(base, kind, name, { ...options, format });
    const texts = [
      `curl -N${header} ${shellWord(place("sse"))}`,
      `wscat${header} -c ${shellWord(place("ws").replace(/^http/, "ws"))}`,
      tailLine(base, name, { ...options, format }),
      moduleLines(base, name, options, hasToken),
    ];
    this.#panel.querySelector("#use-embed").href = `embed?channel=${encodeURIComponent(name)}`;
    this.#panel.querySelectorAll("pre").forEach((text, at) => { text.textContent = texts[at]; });
  }
}

/** Lets the button of a snippet copy its text. */
export function copyable(snippet) {
  const text = snippet.querySelector("pre");
  const button = snippet.querySelector("button");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text)) ? "Copied" : "Selected: copy it by hand";
    setTimeout(() => { button.textContent = "Copy"; }, 2_000);
  });
}

function address(base, kind, name, { fields, keys, where, maxRate, format }) {
  const query = Object.entries({ fields, keys, where, max_rate: maxRate, format })
    .filter(([, value]) => value !== undefined)
    .map(([parameter, value]) => `${parameter}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  return new URL(`${kind}/${pathOf(name)}`, base).href + (query.length ? `?${query.join("&")}` : "");
}

function tailLine(base, name, { fields, keys, where, maxRate, format }) {
  const given = Object.entries({ fields, keys, where, "max-rate": maxRate, format })
    .filter(([, value]) => value !== undefined)
    .map(([option, value]) => ` --${option} ${shellWord(String(value))}`);
  return `stream tail ${shellWord(base.href)} ${shellWord(name)}${given.join("")}`;
}

function moduleLines(base, name, options, hasToken) {
  const given = { channels: [name], ...options };
  const members = Object.entries(given).map(([member, value]) => `${member}: ${JSON.stringify(value)}`);
  if (hasToken) members.push("token");
  return [
    `import { connect, sorted } from ${JSON.stringify(new URL("static/stream.js", base).href)};`,
    "",
    `const client = connect(${JSON.stringify(base.href)}, { ${members.join(", ")} });`,
    "for await (const { view } of client) {",
    "  console.log(view.name, view.count, sorted(view)[0]);",
    "}",
  ].join("\n");
}

// The clipboard is there for https and localhost only; elsewhere the text is selected instead.
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}
