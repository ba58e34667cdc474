// The trading desk: a watchlist, the chosen row as a chart and in full, and the news beside it.

import { knownChannels, offer, preferring, remember, remembered, say, startClock, widget } from "./channels.js";
import { element, fit, setText } from "./dom.js";
import { cellText, isNested } from "./format.js";
import { takeToken, token } from "./server.js";
import "./widgets/chart.js";
import "./widgets/news.js";
import "./widgets/status.js";
import "./widgets/table.js";
import "./widgets/watchlist.js";

const find = (selector) => document.querySelector(selector);
const chosen = { watch: null, tape: null, key: remembered("key"), field: remembered("field") };
let channels = [];

takeToken();
startClock();
start();

async function start() {
  channels = await knownChannels(say);
  if (channels === null) return;
  const [first] = preferring(channels, "quote");
  const second = preferring(channels.filter((channel) => channel !== first), "article")[0] ?? first;
  chosen.watch = named(remembered("watch")) ?? first;
  chosen.tape = named(remembered("tape")) ?? second;
  for (const part of ["watch", "tape"]) {
    const select = find(`#${part} select`);
    offer(select, channels.map(({ name }) => name), chosen[part].name);
    select.addEventListener("change", () => {
      chosen[part] = named(select.value);
      if (part === "watch") chosen.key = chosen.field = null;
      show();
    });
  }
  find("#chart-field").addEventListener("change", ({ target }) => {
    chosen.field = target.value;
    showChart();
  });
  find("#palette").value = remembered("colours") ?? "default";
  find("#palette").addEventListener("change", show);
  show();
}

function named(name) {
  return channels.find((channel) => channel.name === name);
}

function common(channel) {
  const palette = find("#palette").value;
  return { channel: channel.name, token: token(), palette: palette === "default" ? null : palette };
}

function show() {
  const { watch, tape } = chosen;
  const list = watch.shape === "quote" ? "stream-watchlist" : "stream-table";
  const news = tape.shape === "article" ? "stream-news" : "stream-table";
  setText(find("#watch-title"), watch.shape === "quote" ? "Watchlist" : "Items");
  setText(find("#tape-title"), tape.shape === "article" ? "News" : "Items");
  find("#watch .body").replaceChildren(widget(list, common(watch)));
  find("#tape .body").replaceChildren(widget(news, common(tape)));
  find("#watch .body").firstChild.addEventListener("stream-select", ({ detail }) => choose(detail));
  find("#statuses").replaceChildren(...[...new Set([watch, tape])].map((channel) => {
    return widget("stream-status", { ...common(channel), label: channel.name });
  }));
  showChart();
  followItems();
}

function choose({ key }) {
  chosen.key = String(key);
  showChart();
  paintFacts();
}

let view = null; // the channel of the watchlist as it is now

/** The widgets share one link; what it has of the channel is all the page needs. */
function followItems() {
  const list = find("#watch .body").firstChild;
  view = null;
  list.addEventListener("stream-update", ({ detail }) => {
    view = detail.view;
    if (chosen.key === null && view.items.size > 0) {
      chosen.key = String(view.items.keys().next().value);
      showChart();
    }
    paintFields();
    paintFacts();
  });
}

function item() {
  if (view === null) return null;
  return view.items.get(chosen.key) ?? [...view.items].find(([key]) => String(key) === chosen.key)?.[1] ?? null;
}

function paintFields() {
  const found = item();
  if (found === null) return;
  const fields = Object.keys(found).filter((field) => typeof found[field] === "number");
  const select = find("#chart-field");
  if (fields.length === select.length && fields.every((field, at) => select.options[at].value === field)) return;
  const before = chosen.field;
  if (!fields.includes(chosen.field)) chosen.field = fields.includes("last") ? "last" : fields[0] ?? null;
  offer(select, fields, chosen.field);
  if (before !== chosen.field) showChart();
}

function showChart() {
  const { watch, key, field } = chosen;
  setText(find("#chart-title"), key ?? "Chart");
  setText(find("#facts-title"), key ?? "All fields");
  remember({
    watch: watch.name, tape: chosen.tape.name, key, field,
    colours: find("#palette").value === "default" ? null : find("#palette").value,
  });
  const attributes = { ...common(watch), keys: key, field: field ?? (watch.shape === "quote" ? "last" : null) };
  find("#chart .body").replaceChildren(...(key === null ? [] : [widget("stream-chart", attributes)]));
}

function paintFacts() {
  const list = find("#facts dl");
  const entries = Object.entries(item() ?? {}).filter(([, value]) => value !== null);
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
