// What the pages about the client and the widgets show, as TypeScript checks it: it is compiled and never
// run. A line after `@ts-expect-error` must not compile, or the compiler complains of that.

import { apply as applyAny, jsonPatch, mergePatch } from "../../static/documents.js";
import { apply, connect, empty, sorted } from "../../static/stream.js";
import type {
  Change, Channel, Client, ConnectOptions, Item, Key, LinkState, Message, Notice, SourceState, Status,
} from "../../static/stream.js";
import { load } from "../../static/widgets.js";
import type {
  ElementKind, ElementState, Order, Selection, StateChange, StreamChart, StreamElement, StreamNews, StreamStatus, StreamTable,
  StreamTicker, StreamWatchlist, Update,
} from "../../static/widgets.js";

declare function draw(name: string, items: [Key, Item][]): void;
declare function show(...texts: (string | number | boolean | null | undefined)[]): void;

// docs/browser.md, options.

const client: Client = connect("https://feeds.example/", { channels: ["quotes"] });
connect(new URL("https://feeds.example/"), { channels: "quotes,news" });
connect(undefined, { channels: new Set(["quotes"]) });

const whole: Required<ConnectOptions> = {
  channels: ["quotes"],
  since: client.cursor ?? "",
  fields: ["last", "change_pct"],
  keys: ["AAPL.US", 7],
  where: "change_pct > `2`",
  maxRate: 2,
  trail: true,
  token: "eyJ…",
  transport: "auto",
  share: true,
};
connect("/", whole);
connect("/", { channels: "quotes", fields: "last", keys: "AAPL.US", share: "ann" });
connect("/", { channels: "quotes", token: () => "eyJ…", transport: "sse" });
connect("/", { channels: "quotes", token: async () => undefined, transport: "ws" });

// @ts-expect-error: channels must be named
connect("/");
// @ts-expect-error: channels must be named
connect("/", {});
// @ts-expect-error: no such option
connect("/", { channels: "quotes", feilds: "last" });
// @ts-expect-error: ws, sse or auto
connect("/", { channels: "quotes", transport: "websocket" });
// @ts-expect-error: a number
connect("/", { channels: "quotes", maxRate: "2" });
// @ts-expect-error: a text, or what gives one
connect("/", { channels: "quotes", token: 7 });

// docs/browser.md, the client.

const quotes: Channel | undefined = client.channels.get("quotes");
const cursor: string | null = client.cursor;
const transport: "ws" | "sse" = client.transport;
const link: LinkState = client.state;
client.add("news");
client.add(["news", "alerts"]);
client.remove(new Set(["news"]));
client.reconnect();
client.close();
show(cursor, transport, link);

// @ts-expect-error: the client says it
client.state = "live";
// @ts-expect-error: the client says it
client.cursor = null;
// @ts-expect-error: of its own
client.open();

if (quotes) {
  const name: string = quotes.name;
  const first: Item | undefined = quotes.items.get("AAPL.US") ?? quotes.items.get(7);
  const status: Status | null = quotes.status;
  const state: SourceState | string | undefined = status?.state;
  const points: [number, unknown][] | undefined = quotes.trail?.["AAPL.US"]?.last;
  show(name, quotes.key, quotes.sort, quotes.whole, quotes.as_of, quotes.cursor, quotes.count);
  show(state, status?.as_of, status?.since, status?.next_poll, status?.error?.kind, points?.length);
  // @ts-expect-error: what is in an item must be looked at before it is used
  show(first?.last);
  // @ts-expect-error: the channel's name is its own
  quotes.name = "other";
  draw(name, sorted(quotes));
}

async function follow(): Promise<void> {
  for await (const { channel, view } of client) draw(channel, sorted(view));
  for await (const notice of client) {
    const whole: Notice = notice;
    show(whole.messages, whole.cursor, whole.view.count);
    // @ts-expect-error: it is the view that has items
    show(notice.items);
  }
}
void follow();

// docs/browser.md, events.

client.addEventListener("diff", ({ detail: { view, change } }) => {
  for (const key of [...change.added, ...change.changed]) show(String(view.items.get(key)));
  for (const key of change.removed) show(key);
  show(change.diverged, change.kind);
});
client.addEventListener("snapshot", ({ detail }) => draw(detail.view.name, sorted(detail.view)));
client.addEventListener("status", ({ detail }) => show(detail.view.status?.state, detail.message.type));
client.addEventListener("state", ({ detail }) => {
  show(detail.state, detail.transport, detail.wait_ms, detail.reason);
  // @ts-expect-error: no state of a link
  if (detail.state === "online") show("online");
});
client.addEventListener("error", ({ detail }) => show(detail.code, detail.message, detail.channel));
client.addEventListener("bye", ({ detail }) => show(detail.reason, detail.retry_ms));
client.addEventListener("message", ({ detail }) => show(detail.text, detail.message.type));
client.addEventListener("of your own", (event) => show(event.type), { once: true });

const told = (event: CustomEvent<{ change: Change }>): void => show(event.detail.change.kind);
client.addEventListener("diff", told);
client.removeEventListener("diff", told);
// @ts-expect-error: a message has no change
client.addEventListener("message", told);
// @ts-expect-error: the details of a diff have no text
client.addEventListener("diff", ({ detail }) => show(detail.text));

// docs/browser.md, without a link.

const channel: Channel = empty("quotes");
const message: Message = { type: "diff", channel: "quotes", put: [{ id: 1 }] };
const change: Change | null = apply(channel, message);
show(change?.kind, change?.added.length);
// @ts-expect-error: a message has a type
apply(channel, { channel: "quotes" });

// docs/browser.md, documents.js.

show(applyAny(channel, message)?.kind);
const merged: unknown = mergePatch({ a: 1 }, { a: null });
const moved: unknown = jsonPatch({ a: 1 }, [{ op: "move", from: "/a", path: "/b" }, { op: "remove", path: "/b" }]);
show(typeof merged, typeof moved);
// @ts-expect-error: what is added has a value
jsonPatch({}, [{ op: "add", path: "/a" }]);

// docs/widgets.md, what loads the elements.

const kinds: ElementKind[] = ["chart", "news"];
load("status", "table", "ticker", "watchlist").then(() => load(...kinds)).catch(show);
// @ts-expect-error: no such kind
load("clock");

// docs/widgets.md, elements and attributes.

const watchlist: StreamWatchlist = document.createElement("stream-watchlist");
const news: StreamNews = document.createElement("stream-news");
const table: StreamTable | null = document.querySelector("stream-table");
const ticker: StreamTicker = document.createElement("stream-ticker");
const chart: StreamChart = document.createElement("stream-chart");
const status: StreamStatus = document.createElement("stream-status");

for (const element of [watchlist, news, ticker, chart, status, ...(table ? [table] : [])]) {
  const common: StreamElement = element;
  common.src = "https://stream.example/";
  common.channel = "quotes";
  common.token = null;
  common.fields = "symbol,last";
  common.fields = ["symbol", "last"] as const;
  common.keys = "1,2";
  common.keys = [1, "AAPL.US"];
  common.symbols = ["ALDB.US"];
  common.where = "last > `1`";
  common.maxRate = 0.5;
  common.max = 50;
  for (const theme of ["auto", "light", "dark", null] as const) common.theme = theme;
  for (const palette of ["default", "cvd", "asia", null] as const) common.palette = palette;
  common.label = "Quotes";
  common.paused = !common.paused;
  common.client = client;
  common.client = null;
  const names: string | null = common.keys;
  const state: ElementState | "" = common.state.name;
  show(names, state, common.state.tone, common.state.text, common.state.since);
  // @ts-expect-error: a number
  common.maxRate = "2";
  // @ts-expect-error: no such theme
  common.theme = "blue";
  // @ts-expect-error: no such palette
  common.palette = "rainbow";
  // @ts-expect-error: the element says it
  common.state = { name: "live", tone: "ok", text: "", since: 0 };
  // @ts-expect-error: what connect() gives
  common.client = new EventTarget();
  // @ts-expect-error: of a ticker only
  common.speed = 40;
}

watchlist.staleAfter = 30;
watchlist.order = "AAPL.US,7";
watchlist.order = ["AAPL.US", 7];
if (table) table.order = null;
if (table) table.totals = ["size", "value"];
news.filter = "rate cut";
news.source = "Wire";
ticker.speed = 40;
chart.field = "last";
chart.span = 600;
for (const scale of ["value", "percent", null] as const) chart.scale = scale;
// @ts-expect-error: value or percent
chart.scale = "log";
// @ts-expect-error: of a watchlist only
news.staleAfter = 30;
// @ts-expect-error: what all have in common is no element by itself
new StreamElement();

// docs/widgets.md, events.

watchlist.addEventListener("stream-select", (event) => {
  const { key, item }: Selection = event.detail;
  show(key, item === null ? null : Object.keys(item).length);
  event.preventDefault();
  // @ts-expect-error: it may have gone
  show(Object.keys(event.detail.item).length);
});
watchlist.addEventListener("stream-order", ({ detail }) => {
  const { keys }: Order = detail;
  show(...keys);
});
status.addEventListener("stream-state", ({ detail }) => {
  const { state, text }: StateChange = detail;
  show(state, text);
  // @ts-expect-error: no state of an element
  if (state === "closed") show("closed");
});
const painted = ({ detail }: CustomEvent<Update>): void => draw(detail.view.name, sorted(detail.view));
table?.addEventListener("stream-update", painted);
table?.removeEventListener("stream-update", painted);
document.addEventListener("stream-select", ({ detail }) => show(detail.key));
document.body.addEventListener("stream-state", ({ detail }) => show(detail.text));
window.addEventListener("stream-update", painted);
news.addEventListener("click", ({ clientX }) => show(clientX));
// @ts-expect-error: it carries no text
window.addEventListener("stream-update", ({ detail }) => show(detail.text));
