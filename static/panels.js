// The two quiet panels of a channel: the messages as they pass, and the lines to copy.

import { shellWord, shorten } from "./format.js";

const MOST_MESSAGES = 50;
const MOST_CHARS = 2_000;

/** The last messages, newest first; kept as text, for items are shared with the table. */
export class RawTape {
  #list;
  #fresh = []; // not painted yet, oldest first

  constructor(list) {
    this.#list = list;
  }

  take({ text }) {
    this.#fresh.push({ text: shorten(text, MOST_CHARS), at: new Date() });
    if (this.#fresh.length > MOST_MESSAGES) this.#fresh.shift();
  }

  clear() {
    this.#fresh = [];
    this.#list.replaceChildren();
  }

  /** Answers whether there is nothing to see. */
  paint() {
    for (const { text, at } of this.#fresh) {
      const full = this.#list.children.length >= MOST_MESSAGES;
      const line = full ? this.#list.lastChild : newLine();
      line.firstChild.textContent = at.toLocaleTimeString("en-GB");
      line.lastChild.textContent = text;
      this.#list.prepend(line);
    }
    this.#fresh = [];
    return this.#list.children.length === 0;
  }
}

function newLine() {
  const line = document.createElement("li");
  line.append(document.createElement("time"), document.createElement("code"));
  return line;
}

/** Fills the panel with what to type for exactly this channel and view. */
export function showSnippets(panel, base, name, options, hasToken) {
  const header = hasToken ? ' -H "Authorization: Bearer $TOKEN"' : "";
  const texts = [
    `curl -N${header} ${shellWord(address(base, "sse", name, options))}`,
    `wscat${header} -c ${shellWord(address(base, "ws", name, options).replace(/^http/, "ws"))}`,
    moduleLines(base, name, options, hasToken),
  ];
  panel.querySelectorAll(".snippet").forEach((snippet, at) => {
    const text = snippet.querySelector("pre");
    text.textContent = texts[at];
    const button = snippet.querySelector("button");
    button.textContent = "Copy";
    button.onclick = async () => {
      button.textContent = (await copy(text)) ? "Copied" : "Selected: copy it by hand";
      setTimeout(() => { button.textContent = "Copy"; }, 2_000);
    };
  });
}

function address(base, kind, name, { fields, keys, where, maxRate }) {
  const query = Object.entries({ fields, keys, where, max_rate: maxRate })
    .filter(([, value]) => value !== undefined)
    .map(([parameter, value]) => `${parameter}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  const path = `${kind}/${encodeURIComponent(name).replaceAll("%3A", ":")}`;
  return new URL(path, base).href + (query.length ? `?${query.join("&")}` : "");
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
