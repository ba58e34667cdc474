// The newsroom: the tape of a news channel, narrowed by source and by words, and one article beside it.

import {
  knownChannels, offer, preferring, remember, remembered, say, startClock, watchMissing, widget,
} from "./channels.js";
import { element, setText } from "./dom.js";
import { clock, fullText, isLink } from "./format.js";
import { takeToken, token } from "./server.js";
import { offerToken } from "./tokenbox.js";
import "./widgets/news.js";
import "./widgets/status.js";
import "./widgets/table.js";

const ROWS_MOST = 200;
const ORIGINS_MOST = 12;
const SHOWN = ["title", "summary", "source", "author", "published", "updated", "url"];
const TYPING_MS = 200;

const find = (selector) => document.querySelector(selector);
const chosen = {
  channel: null, origin: remembered("from"), words: remembered("with") ?? "", article: remembered("article"),
};
let channels = [];
let known = new Set(); // names of sources seen in the channel
let open = null; // the key of the article that is read
let typing = null;

takeToken();
offerToken();
startClock();
start();

async function start() {
  channels = await knownChannels(say, ["article"]);
  if (channels === null) return;
  const [first] = preferring(channels, "article");
  chosen.channel = channels.find(({ name }) => name === remembered("channel")) ?? first;
  offerChannels();
  find("#channel").addEventListener("change", ({ target }) => {
    chosen.channel = channels.find(({ name }) => name === target.value) ?? chosen.channel;
    chosen.origin = chosen.article = null;
    known = new Set();
    show();
  });
  find("#search").value = chosen.words;
  find("#search").addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      chosen.words = target.value.trim();
      narrow();
    }, TYPING_MS);
  });
  find("#origins").addEventListener("click", ({ target }) => {
    if (target.dataset.origin === undefined) return;
    chosen.origin = target.dataset.origin || null;
    narrow();
  });
  show();
  watchMissing(() => [chosen.channel.name], {
    list: (now) => {
      channels = now;
      offerChannels();
    },
    again: show,
  });
}

function offerChannels() {
  const names = new Set([...preferring(channels, "article").map(({ name }) => name), chosen.channel.name]);
  offer(find("#channel"), [...names], chosen.channel.name);
}

function show() {
  const { channel } = chosen;
  if (channel.shape !== "article") say(`‘${channel.name}’ brings no articles: it is shown as a table.`);
  else say("");
  const name = channel.shape === "article" ? "stream-news" : "stream-table";
  find("#search").hidden = channel.shape !== "article";
  const tape = widget(name, { channel: channel.name, token: token(), max: ROWS_MOST });
  tape.addEventListener("stream-select", (event) => {
    event.preventDefault(); // read here first; the link to the source stands below the article
    choose(event.detail);
  });
  tape.addEventListener("stream-update", ({ detail }) => update(detail.view));
  find("#tape .body").replaceChildren(tape);
  find("#statuses").replaceChildren(widget("stream-status", {
    channel: channel.name, token: token(), label: channel.name,
  }));
  close();
  narrow();
}

/** What the reader wants to see is the widget's business; the page only says it. */
function narrow() {
  const tape = find("#tape .body").firstChild;
  tape.setAttribute("filter", chosen.words);
  tape.setAttribute("source", chosen.origin ?? "");
  keepAddress();
  paintOrigins();
}

function keepAddress() {
  const { channel, origin, words, article } = chosen;
  remember({ channel: channel.name, from: origin, with: words, article });
}

function update(view) {
  const before = known.size;
  for (const { source } of view.items.values()) if (typeof source === "string") known.add(source);
  if (known.size !== before) paintOrigins();
  if (open === null) return reopen(view);
  const item = view.items.get(open);
  find("article").classList.toggle("is-gone", item === undefined);
  if (item === undefined) setText(find("#from"), "Retracted, or no longer in the channel.");
  else paint(item);
}

// The article that the address names; what is a number in the items is a text there.
function reopen(view) {
  const found = [...view.items].find(([key]) => String(key) === chosen.article);
  if (found) choose({ key: found[0], item: found[1] });
}

function paintOrigins() {
  const names = chosen.channel.shape === "article" ? [...known].sort().slice(0, ORIGINS_MOST) : [];
  const chips = names.length < 2 ? [] : ["", ...names].map((name) => {
    const chip = element("button", "chip");
    const isOn = name === (chosen.origin ?? "");
    Object.assign(chip, { type: "button", textContent: name || "All", ariaPressed: String(isOn) });
    chip.dataset.origin = name;
    return chip;
  });
  find("#origins").replaceChildren(...chips);
}

function choose({ key, item }) {
  open = key;
  chosen.article = String(key);
  keepAddress();
  find("article").classList.remove("is-gone");
  paint(item);
}

function close() {
  open = null;
  find("article").hidden = true;
  find("#unread").hidden = false;
}

function paint(item) {
  find("article").hidden = false;
  find("#unread").hidden = true;
  const now = Date.now();
  const times = [
    item.published && `published ${clock(item.published, now)}`,
    item.updated && item.updated !== item.published && `updated ${clock(item.updated, now)}`,
  ];
  setText(find("#from"), [item.source, ...times].filter(Boolean).join(" · "));
  setText(find("#title"), String(item.title ?? item.id ?? ""));
  setText(find("#by"), item.author ? `By ${item.author}` : "");
  setText(find("#text"), String(item.summary ?? ""));
  find("#more").replaceChildren(...(isLink(item.url) ? [linkTo(item.url, "Read it at its source")] : []));
  const isMore = ([field, value]) => !SHOWN.includes(field) && value !== null && value !== item.url;
  const rest = Object.entries(item).filter(isMore);
  find("#rest").replaceChildren(...rest.flatMap(([field, value]) => {
    const [name, text] = [element("dt"), element("dd")];
    name.textContent = field;
    if (isLink(value)) text.append(linkTo(value, value));
    else text.textContent = Array.isArray(value) ? value.map(fullText).join(", ") : fullText(value);
    return [name, text];
  }));
}

function linkTo(url, text) {
  const link = element("a");
  Object.assign(link, { href: url, textContent: text, target: "_blank", rel: "noopener noreferrer nofollow" });
  return link;
}
