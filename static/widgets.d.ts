/** Custom elements that show channels of a `stream` server in anyone's page, and what loads them. See docs/widgets.md. */
import type { Channel, Client, Item, Key } from "./stream.js";

export type ElementKind = "chart" | "news" | "status" | "table" | "ticker" | "watchlist";

/**
 * Loads these kinds of elements; ends when the page knows them. Elements in the document are loaded by
 * themselves: this is for those in shadow roots, and for scripts that need an element's own properties.
 */
export function load(...kinds: ElementKind[]): Promise<void>;

/** What `stream-select` carries: the item that was chosen, null where there is none (any more). */
export interface Selection {
  key: Key;
  item: Item | null;
}

export type ElementState =
  | "loading" | "live" | "empty" | "waiting" | "idle"
  | "stale" | "failing" | "limited"
  | "reconnecting" | "offline" | "denied";

/** What `stream-state` carries: another state, and the words for it. */
export interface StateChange {
  state: ElementState;
  text: string;
}

/** What `stream-update` carries: the channel as it is now. */
export interface Update {
  view: Channel;
}

/** What `stream-order` carries: the keys of the rows as the reader put them. */
export interface Order {
  keys: Key[];
}

export interface StreamEvents {
  /** Cancelable: then a headline's link is not followed. */
  "stream-select": CustomEvent<Selection>;
  "stream-state": CustomEvent<StateChange>;
  /** Items were painted: at most once a frame. */
  "stream-update": CustomEvent<Update>;
  "stream-order": CustomEvent<Order>;
}

/** What all have in common. Each property is the attribute of its name, as `max-rate` is `maxRate`. */
export interface StreamElement extends HTMLElement {
  /** Base URL of the server; default: the one that this module came from. */
  src: string | null;
  channel: string | null;
  /** A JWT. It can be read in the page; give one that may read only. */
  token: string | null;
  /** What to show, with commas. It is not sent: elements share a link. */
  get fields(): string | null;
  set fields(names: string | readonly string[] | null);
  /** Only these items, with commas. */
  get keys(): string | null;
  set keys(keys: string | readonly Key[] | null);
  /** The same as `keys`. */
  get symbols(): string | null;
  set symbols(keys: string | readonly Key[] | null);
  /** A JMESPath expression over one item. */
  where: string | null;
  /** Most changes a second, 0.01 to 100. */
  maxRate: number | null;
  /** Most rows. */
  max: number | null;
  /** null = as the reader's system. */
  theme: "auto" | "light" | "dark" | null;
  palette: "default" | "cvd" | "asia" | null;
  /** The name for assistive technology; default: the channel. */
  label: string | null;
  paused: boolean;
  /** A client of the page's own that follows the channel; then `src`, `token`, `keys`, … ask for nothing. */
  client: Client | null;
  /** How the channel stands now; `since` is in milliseconds, as `Date.now()`. */
  readonly state: {
    name: ElementState | "";
    tone: "ok" | "calm" | "warn" | "bad";
    text: string;
    since: number;
  };
}

/** Quotes, one a row. */
export interface StreamWatchlist extends StreamElement {
  /** After so many seconds without a change a row is late; default: three times its own pace, at least 30. */
  staleAfter: number | null;
  /** Keys, with commas: these rows first, in this order. */
  get order(): string | null;
  set order(keys: string | readonly Key[] | null);
}

/** Articles, the newest on top. */
export interface StreamNews extends StreamElement {
  /** Only headlines with all of these words, in title or summary. */
  filter: string | null;
  /** Only headlines of this source. */
  source: string | null;
}

/** Any channel as a table. */
export interface StreamTable extends StreamElement {
  /** Fields, with commas, whose sums stand below. */
  get totals(): string | null;
  set totals(names: string | readonly string[] | null);
  /** Keys, with commas: these rows first, in this order. */
  get order(): string | null;
  set order(keys: string | readonly Key[] | null);
}

/** A tape that moves by itself. */
export interface StreamTicker extends StreamElement {
  /** Pixels a second; default 40. */
  speed: number | null;
}

/** One field over time. */
export interface StreamChart extends StreamElement {
  /** Default: `last`. */
  field: string | null;
  /** Seconds; default 600. */
  span: number | null;
  /** Default: `percent` for several keys of `last`, else `value`. */
  scale: "value" | "percent" | null;
}

/** How a channel stands, in one line. */
export interface StreamStatus extends StreamElement {}

declare global {
  /** They bubble, so that any element, the document and the window hear them. */
  interface GlobalEventHandlersEventMap extends StreamEvents {}
  interface HTMLElementTagNameMap {
    "stream-watchlist": StreamWatchlist;
    "stream-news": StreamNews;
    "stream-table": StreamTable;
    "stream-ticker": StreamTicker;
    "stream-chart": StreamChart;
    "stream-status": StreamStatus;
  }
}
