// The console page: which channel is chosen (#/name), and one frame in which everything is painted.

import { ChannelPane } from "./channel.js";
import { setText } from "./dom.js";
import { ChannelList, summary } from "./list.js";
import { base, pathOf, takeToken, token } from "./server.js";
import { SourceTable } from "./sources.js";
import { askForToken, offerToken } from "./tokenbox.js";
import { ViewForm } from "./viewform.js";

const TICK_MS = 500;
const PARAMETER = /\{([^{}]+)\}/g;

const find = (selector) => document.querySelector(selector);
const main = find("#channel");
const shared = { base, token, onNews: paint, onDenied: askForToken };
let frame = null;
let chosen = null;

takeToken();
offerToken();
const list = new ChannelList(find(".list"), shared);
const sources = new SourceTable(find("#sources"), shared);
const form = new ViewForm(find("#view"), (query) => { location.hash = hashOf(chosen, query); });
const pane = new ChannelPane(main, { ...shared, onItems: (view) => form.learn(view) });
find("#parameter-form").addEventListener("submit", openParameters);
addEventListener("hashchange", route);
setInterval(paint, TICK_MS);
route();
list.refresh();

/** Asks for one frame; however often it is called before, everything is painted once. */
function paint() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    const now = Date.now() + list.skew;
    list.paint(chosen, now);
    if (list.find(chosen)) pane.found(list.answeredAt);
    if (main.dataset.view === "live") pane.paint(now);
    if (main.dataset.view === "start") sources.paint(now);
    setText(find("#summary"), summary(list.channels));
  });
}

// #/quotes, or a view of it: #/quotes?fields=code,close&where=close > 50&max_rate=2
function route() {
  if (location.hash !== "" && !location.hash.startsWith("#/")) return;
  const [path, query = ""] = location.hash.slice(2).split(/\?(.*)/s);
  const name = decode(path);
  chosen = name || null;
  document.title = name ? `${name} · stream` : "stream";
  pane.close();
  sources.close();
  if (!name) showSources();
  else if (name.search(PARAMETER) >= 0) askParameters(name);
  else follow(name, new URLSearchParams(query));
  find(".list [aria-current]")?.removeAttribute("aria-current");
  paint();
}

function showSources() {
  show("start");
  sources.open();
}

function hashOf(name, query = "") {
  const text = String(query);
  return `#/${pathOf(name)}${text && `?${text}`}`;
}

function follow(name, query) {
  const given = {
    fields: query.get("fields"), keys: query.get("keys"), where: query.get("where"),
    maxRate: query.has("max_rate") ? Number(query.get("max_rate")) : null, transport: query.get("transport"),
  };
  if (!["ws", "sse"].includes(given.transport)) given.transport = null;
  if (!(given.maxRate > 0)) given.maxRate = null;
  show("live");
  form.show(name, query);
  pane.open(name, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)));
}

function show(view) {
  main.dataset.view = view;
}

function askParameters(name) {
  const form = find("#parameter-form");
  form.dataset.pattern = name;
  find("#parameter-title").textContent = name;
  find("#parameter-fields").replaceChildren(...[...name.matchAll(PARAMETER)].map(([, parameter]) => {
    const line = document.createElement("p");
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { name: parameter, required: true });
    input.autocomplete = "off";
    input.placeholder = list.find(name)?.match?.[parameter] ?? "";
    label.append(`${parameter} `, input);
    line.append(label);
    return line;
  }));
  show("parameters");
  form.querySelector("input").focus();
}

function openParameters(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const values = new FormData(form);
  const fill = (_, parameter) => values.get(parameter).trim();
  const name = form.dataset.pattern.replaceAll(PARAMETER, fill);
  location.hash = hashOf(name);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
