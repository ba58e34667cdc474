// The embed builder: choose a widget and what it shows, see it live, copy the lines for one's own page.

import { knownChannels, offer, preferring, remember, remembered, say, watchMissing, widget } from "./channels.js";
import { element, setText } from "./dom.js";
import { copyable } from "./panels.js";
import { base, pathOf, read, takeToken, token } from "./server.js";
import { offerToken } from "./tokenbox.js";

/** Element → what it is for, the shape it is made for, and the attributes worth offering. */
const WIDGETS = {
  "stream-watchlist": { text: "watchlist: prices", shape: "quote", options: ["keys", "where", "max-rate"] },
  "stream-news": { text: "news: a tape of headlines", shape: "article", options: ["filter", "source", "where", "max"] },
  "stream-table": { text: "table: any channel", options: ["fields", "keys", "where", "max-rate", "max"] },
  "stream-ticker": { text: "ticker: one moving line", shape: "quote", options: ["keys", "max"] },
  "stream-chart": { text: "chart: one field over time", shape: "quote", options: ["keys", "field"] },
  "stream-status": { text: "status: how fresh it is", options: ["label"] },
};
const HINTS = {
  keys: "all items, or e.g. ALDB.US,NRTH.US", where: "e.g. change_pct > 1", "max-rate": "changes per second, e.g. 2",
  max: "most rows, e.g. 50", fields: "all fields, or e.g. name,email", field: "a number", label: "e.g. the channel's name",
  filter: "only headlines with these words", source: "only of this source",
};
const TYPING_MS = 300;

const find = (selector) => document.querySelector(selector);
const form = find("#builder");
let channels = [];
let typing = null;

takeToken();
offerToken();
copyable(find("#result .snippet"));
start();

async function start() {
  channels = await knownChannels(say, []);
  if (channels === null) return;
  offer(form.elements.widget, Object.entries(WIDGETS).map(([name, { text }]) => [name, text]), firstWidget());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.widget.addEventListener("change", () => chooseWidget());
  form.elements.channel.addEventListener("change", chooseChannel);
  form.addEventListener("input", ({ target }) => {
    if (["widget", "channel"].includes(target.name)) return;
    clearTimeout(typing);
    typing = setTimeout(build, TYPING_MS);
  });
  await chooseWidget(remembered("channel") ?? undefined);
  watchMissing(() => [form.elements.channel.value], {
    list: (now) => {
      channels = now;
      // What was typed stays, unless it was for a channel that is gone.
      if (channels.length > 0 && !named(form.elements.channel.value)) chooseWidget();
    },
    again: () => {},
  });
}

function named(name) {
  return channels.find((channel) => channel.name === name);
}

/** The one that the address names, or the best for its channel, or for the channels that there are. */
function firstWidget() {
  const asked = remembered("widget");
  if (Object.hasOwn(WIDGETS, asked ?? "")) return asked;
  const channel = named(remembered("channel"));
  const shapes = (channel ? [channel] : channels).map(({ shape }) => shape);
  return shapes.includes("quote") ? "stream-watchlist" : shapes.includes("article") ? "stream-news" : "stream-table";
}

async function chooseWidget(wanted = form.elements.channel.value) {
  const { shape, options } = WIDGETS[form.elements.widget.value];
  const names = preferring(channels, shape).map(({ name }) => name);
  const isFit = channels.some((channel) => channel.name === wanted && (!shape || channel.shape === shape));
  offer(form.elements.channel, names, isFit ? wanted : names[0]);
  find("#options").replaceChildren(...options.map((name) => {
    const label = element("label");
    const input = Object.assign(element("input"), { name, placeholder: HINTS[name], autocomplete: "off" });
    input.spellcheck = false;
    label.append(`${name} `, input);
    return label;
  }));
  await chooseChannel();
}

/** A chart needs one item and one field: the first of the channel is a start. */
async function chooseChannel() {
  const { keys, field } = form.elements;
  if (field) {
    const channel = form.elements.channel.value;
    const { body } = await read(`channels/${pathOf(channel)}`).catch(() => ({ body: { items: [] } }));
    if (form.elements.channel.value !== channel || form.elements.field !== field) return;
    const [item] = body.items;
    keys.value = item?.[body.key] ?? "";
    const numbers = Object.keys(item ?? {}).filter((name) => typeof item[name] === "number");
    field.value = numbers.includes("last") ? "last" : numbers[0] ?? "";
  }
  build();
}

function build() {
  const name = form.elements.widget.value;
  const values = Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, value.trim()]));
  const given = { channel: values.channel };
  for (const option of WIDGETS[name].options) given[option] = values[option];
  given.theme = values.theme === "auto" ? "" : values.theme;
  given.palette = values.palette === "default" ? "" : values.palette;
  const made = widget(name, { ...given, token: token() });
  find("#preview").style.width = values.width ? `${values.width}px` : "";
  find("#preview").replaceChildren(made);
  setText(find("#code"), lines(name, given));
  remember({ widget: name, channel: values.channel });
  advise();
}

function lines(name, given) {
  const attributes = Object.entries(given).filter(([, value]) => value)
    .map(([attribute, value]) => ` ${attribute}="${quoted(value)}"`);
  const script = new URL("static/widgets.js", base).href;
  // Where a page has the lines of two servers, the first script would take the elements of both.
  attributes.unshift(` src="${quoted(base.href)}"`);
  return `<script type="module" src="${quoted(script)}"></script>\n<${name}${attributes.join("")}></${name}>`;
}

function quoted(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

function advise() {
  const { origin, host } = base;
  const socket = `${base.protocol === "https:" ? "wss" : "ws"}://${host}`;
  const said = [
    ["A page of another origin: add that origin to the server's configuration, ",
      '[server] origins = ["https://your.page"]', ""],
    ["Its page policy, if it has one, must allow ", `script-src ${origin}; connect-src ${origin} ${socket}`, ""],
    ["The element has the height you give it in your style sheet; colours and sizes are custom properties, such as ",
      "stream-watchlist { height: 400px; --stream-up: #0a7 }", ""],
  ];
  if (token()) said.push(["Your readers need a token of their own, in the attribute ", "token", ""]);
  find("#advice").replaceChildren(...said.map(([before, code, after]) => {
    const line = element("p");
    const part = element("code");
    part.textContent = code;
    line.append(before, part, after);
    return line;
  }));
}
