// The trading desk: a watchlist, the chosen row as a chart and in full, and the news beside it.

import {
  knownChannels, offer, preferring, remember, remembered, say, startClock, watchMissing, widget,
} from "./channels.js";
import { element, fit, setText } from "./dom.js";
import { cellText, duration, isNested } from "./format.js";
import { base, takeToken, token } from "./server.js";
import { connect, sorted } from "./stream.js";
import { askForToken, offerToken } from "./tokenbox.js";
import { Traffic } from "./traffic.js";
import "./widgets/chart.js";
import "./widgets/news.js";
import "./widgets/status.js";
import "./widgets/table.js";
import "./widgets/watchlist.js";

const PARTS = ["watch", "tape"];
const LAYOUTS = ["columns", "sidebar", "wall"];
const TILE = "symbol,last,change_pct,spark";
const KINDS = { watch: { quote: "stream-watchlist" }, tape: { article: "stream-news" } };
const TITLES = { watch: { quote: "Watchlist" }, tape: { article: "News" } };
const TRANSPORTS = { ws: "WebSocket", sse: "SSE" };

const find = (selector) => document.querySelector(selector);
const chosen = { watch: null, tape: null, key: remembered("key"), field: remembered("field") };
const traffic = new Traffic();
let channels = [];
let client = null; // one link for what the page follows
let isWhole = false; // whether it was refused nothing
let view = null; // the channel of the watchlist as it is now

takeToken();
offerToken();
startClock();
start();

async function start() {
  channels = await knownChannels(say, ["quote", "article"]);
  if (channels === null) return;
  const [first] = preferring(channels, "quote");
  const second = preferring(channels.filter((channel) => channel !== first), "article")[0] ?? first;
  chosen.watch = named(remembered("watch")) ?? first;
  chosen.tape = named(remembered("tape")) ?? second;
  offerChannels();
  for (const part of PARTS) {
    find(`#${part} select`).addEventListener("change", ({ target }) => choosePart(part, named(target.value) ?? chosen[part]));
  }
  find("#chart-field").addEventListener("change", ({ target }) => {
    chosen.field = target.value;
    showChart();
  });
  find("#palette").value = remembered("colours") ?? "default";
  find("#palette").addEventListener("change", showLook);
  find("#layout").value = LAYOUTS.includes(remembered("layout")) ? remembered("layout") : "columns";
  find("#layout").addEventListener("change", showLook);
  follow();
  for (const part of PARTS) show(part);
  showLook();
  setInterval(paintTraffic, 1_000);
  watchMissing(() => PARTS.map((part) => chosen[part].name), {
    list: (now) => {
      channels = now;
      offerChannels();
    },
    again: () => choosePart("watch", chosen.watch),
  });
}

function offerChannels() {
  for (const part of PARTS) {
    const names = new Set([chosen[part].name, ...channels.map(({ name }) => name)]);
    offer(find(`#${part} select`), [...names], chosen[part].name);
  }
}

function named(name) {
  return channels.find((channel) => channel.name === name);
}

function follow() {
  const names = new Set([chosen.watch.name, chosen.tape.name]);
  // An element does not notice that a channel it was refused is followed after all.
  if (!isWhole || client.state === "closed") return open([...names]);
  client.add([...names]);
  client.remove([...client.channels.keys()].filter((name) => !names.has(name)));
}

function open(names) {
  client?.close();
  isWhole = true;
  client = connect(base, { channels: names, token: token(), trail: true });
  client.addEventListener("message", ({ detail: { message } }) => {
    if (message.type === "diff") traffic.take(performance.now(), Date.now() - Date.parse(message.as_of));
  });
  client.addEventListener("error", ({ detail: { code, message } }) => {
    isWhole = false;
    if (["http_401", "http_403", "unauthorized", "forbidden"].includes(code)) askForToken(message);
  });
}

function choosePart(part, channel) {
  if (part === "watch" && channel !== chosen.watch) chosen.key = chosen.field = view = null;
  chosen[part] = channel;
  const before = client;
  follow();
  for (const each of client === before ? [part] : PARTS) show(each);
  showLook();
}

function show(part) {
  const { name, shape } = chosen[part];
  const made = widget(KINDS[part][shape] ?? "stream-table", { channel: name });
  made.client = client;
  setText(find(`#${part}-title`), TITLES[part][shape] ?? "Items");
  find(`#${part} .body`).replaceChildren(made);
  if (part === "watch") {
    made.addEventListener("stream-select", ({ detail }) => choose(String(detail.key)));
    made.addEventListener("stream-update", ({ detail }) => update(detail.view));
  }
  find("#statuses").replaceChildren(...[...new Set([chosen.watch, chosen.tape])].map(({ name: label }) => {
    return Object.assign(widget("stream-status", { channel: label, label }), { client });
  }));
}

/** Colours and layout; nothing is asked for anew. */
function showLook() {
  const [layout, palette] = [find("#layout").value, find("#palette").value];
  document.body.dataset.layout = layout;
  const list = find("#watch .body").firstChild;
  list.fields = layout === "wall" && chosen.watch.shape === "quote" ? TILE : null;
  for (const each of document.querySelectorAll(".body > *")) each.palette = palette === "default" ? null : palette;
  showChart();
}

function choose(key) {
  if (chosen.key !== key) chosen.field = fieldsOf(itemOf(key)).includes(chosen.field) ? chosen.field : null;
  chosen.key = key;
  paintItem();
  showChart();
}

function update(now) {
  view = now;
  if (chosen.key === null && view.items.size > 0) return choose(String(sorted(view)[0][0]));
  if (paintItem()) showChart();
}

// What is a number in the items is a text in the page's address.
function itemOf(key) {
  return view?.items.get(key) ?? [...view?.items ?? []].find(([other]) => String(other) === key)?.[1] ?? {};
}

function fieldsOf(item) {
  return Object.keys(item).filter((field) => field !== view?.key && typeof item[field] === "number");
}

/** Answers whether another field is chosen now. */
function paintItem() {
  const item = itemOf(chosen.key);
  paintFacts(Object.entries(item).filter(([, value]) => value !== null));
  const fields = fieldsOf(item);
  const before = chosen.field;
  if (fields.length > 0 && !fields.includes(before)) chosen.field = fields.includes("last") ? "last" : fields[0];
  const select = find("#chart-field");
  select.hidden = fields.length === 0;
  const isSame = fields.length === select.length && fields.every((field, at) => select.options[at].value === field);
  if (!isSame) offer(select, fields, chosen.field);
  return before !== chosen.field;
}

function showChart() {
  const { watch, tape, key, field } = chosen;
  const [layout, palette] = [find("#layout").value, find("#palette").value];
  remember({
    watch: watch.name, tape: tape.name, key, field,
    layout: layout === "columns" ? null : layout, colours: palette === "default" ? null : palette,
  });
  setText(find("#chart-title"), key ?? "Chart");
  const body = find("#chart .body");
  const text = layout === "wall" ? "" : key === null ? "Choose a row to see it here." : field ? null : "It has no number to draw.";
  if (text !== null) return body.replaceChildren(Object.assign(element("p", "note"), { textContent: text }));
  // A link of its own: with each row that is chosen the line begins with what the server kept of it.
  const attributes = { channel: watch.name, token: token(), keys: key, field };
  const made = widget("stream-chart", { ...attributes, palette: palette === "default" ? null : palette });
  if (!body.firstChild?.isEqualNode(made)) body.replaceChildren(made);
}

function paintFacts(entries) {
  const list = find("#facts dl");
  fit(list, entries.length, () => {
    const line = element("div");
    line.append(element("dt"), element("dd"));
    return line;
  });
  entries.forEach(([field, value], at) => {
    const [name, text] = list.children[at].children;
    setText(name, field);
    setText(text, cellText(value));
    text.title = isNested(value) ? "" : String(value);
  });
}

function paintTraffic() {
  const [delay, rate] = [traffic.median_ms, traffic.perSecond(performance.now())];
  const parts = client.state !== "live" ? [client.state] : [
    TRANSPORTS[client.transport],
    delay !== null && `median delay ${delay < 1_000 ? `${Math.round(delay)} ms` : duration(delay)}`,
    rate !== null && `${rate.toFixed(1)} messages/s`,
  ];
  setText(find("#traffic"), parts.filter(Boolean).join(" · "));
}
