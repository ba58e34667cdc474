// The console page: which channel is chosen (#/name), and one frame in which everything is painted.

import { ChannelPane } from "./channel.js";
import { setText } from "./dom.js";
import { ChannelList, summary } from "./list.js";

const TICK_MS = 500;
const PARAMETER = /\{([^{}]+)\}/g;
const TOKEN = "stream.token";

const find = (selector) => document.querySelector(selector);
const base = new URL(".", document.baseURI);
const main = find("#channel");
const token = () => sessionStorage.getItem(TOKEN) ?? undefined;
const shared = { base, token, onNews: paint, onDenied: askToken };
let frame = null;
let chosen = null;

takeToken();
const list = new ChannelList(find(".list"), shared);
const pane = new ChannelPane(main, shared);
find("#parameter-form").addEventListener("submit", openParameters);
find("#token-form").addEventListener("submit", useToken);
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
    if (main.dataset.view === "live") pane.paint(now);
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
  if (!name) show("start");
  else if (name.search(PARAMETER) >= 0) askParameters(name);
  else follow(name, new URLSearchParams(query));
  find(".list [aria-current]")?.removeAttribute("aria-current");
  paint();
}

function follow(name, query) {
  const given = {
    fields: query.get("fields"), keys: query.get("keys"), where: query.get("where"),
    maxRate: query.has("max_rate") ? Number(query.get("max_rate")) : null, transport: query.get("transport"),
  };
  if (!["ws", "sse"].includes(given.transport)) given.transport = null;
  show("live");
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
  location.hash = `#/${encodeURIComponent(name).replaceAll("%3A", ":")}`;
}

// A token in the address would be copied along with it.
function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (token === null) return;
  sessionStorage.setItem(TOKEN, token);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

function askToken(why) {
  if (main.dataset.view === "token") return;
  pane.close();
  find("#token-why").textContent = why;
  show("token");
  find("#token").focus();
}

function useToken(event) {
  event.preventDefault();
  const given = find("#token").value.trim();
  if (given) sessionStorage.setItem(TOKEN, given);
  else sessionStorage.removeItem(TOKEN);
  find("#token").value = "";
  route();
  list.refresh();
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
