/** Follows channels of a `stream` server over one link, and resumes by itself. See docs/protocol.md. */
export function connect(url: string | URL | undefined, options: ConnectOptions): Client;

export interface ConnectOptions {
  /** At least one channel name, as an array or separated by commas. */
  channels: string | Iterable<string>;
  /**
   * A cursor to resume from. The items up to it are yours: put them into
   * `client.channels.get(name)` (`key`, `sort`, `items`, and `whole: true`) right after `connect`,
   * or only the events tell what changed, until a snapshot comes.
   */
  since?: string;
  /** Only these top-level fields (and the key). */
  fields?: string | Iterable<string>;
  /** Only these items. */
  keys?: string | Iterable<Key>;
  /** A JMESPath expression over one item. */
  where?: string;
  /** Most diffs per second, 0.01 to 100; the rest is composed into the next. */
  maxRate?: number;
  /** Whether the snapshot brings the recent values the channel keeps. */
  trail?: boolean;
  /**
   * A JWT, or what gives one, asked before each attempt: a token that has expired is then renewed. It
   * is sent in the query, for a browser can set no header here.
   */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** `auto` (default): WebSocket; SSE where two WebSockets in a row failed while plain HTTP worked. */
  transport?: "auto" | "ws" | "sse";
  /**
   * One link for all tabs of this origin that follow the same server with the same options, whatever
   * channels each follows. The token of the tab that leads is used: give a name instead of `true`, such
   * as the user's, where tabs must not share with each other. Where the browser cannot (no Web Locks,
   * as on a page without TLS), each tab has its own link.
   */
  share?: boolean | string;
}

export type Key = string | number;
export type Item = Record<string, unknown>;
/** `offline`: without a network, or hidden for more than a minute; it goes on by itself. */
export type LinkState = "connecting" | "live" | "reconnecting" | "offline" | "closed";
export type SourceState = "waiting" | "ok" | "stale" | "failing" | "limited" | "paused";

export interface Status {
  /** Further states may come. */
  state: SourceState | (string & {});
  as_of?: string | null;
  since?: string;
  next_poll?: string | null;
  error?: { kind: string; message: string } | null;
}

/** One channel as it is now. The same object for the client's life; the items in it are replaced. */
export interface Channel {
  readonly name: string;
  /** The field that identifies an item; null before the first snapshot. */
  key: string | null;
  /** A field, with `-` for descending; null = order of arrival. */
  sort: string | null;
  items: Map<Key, Item>;
  /** Whether `items` is everything: false before the first snapshot. */
  whole: boolean;
  status: Status | null;
  /** When the source was last read successfully, RFC 3339. */
  as_of: string | null;
  cursor: string | null;
  count: number;
  /**
   * What the last snapshot brought, where the channel keeps it and it was asked for: per key and field
   * `[epoch seconds, value]`. Items that go lose theirs; later values are not appended: whoever draws
   * them has them from the changes.
   */
  trail?: Record<string, Record<string, [number, unknown][]>>;
}

export interface Change {
  kind: "snapshot" | "diff" | "status";
  added: Key[];
  changed: Key[];
  removed: Key[];
  /** The items are not what the server has; the client then asks for all of them again. */
  diverged: boolean;
}

/** One message of the server, as it came. */
export interface Message {
  type: string;
  [member: string]: unknown;
}

export interface ClientEvents {
  /** Every message, also of unknown types, before it is applied. */
  message: CustomEvent<{ message: Message; text: string }>;
  snapshot: CustomEvent<{ message: Message; view: Channel; change: Change }>;
  diff: CustomEvent<{ message: Message; view: Channel; change: Change }>;
  status: CustomEvent<{ message: Message; view: Channel; change: Change }>;
  /**
   * What the server refused, and `diverged`, `bad_message`, `not_opened`, `http_404`, `close_1008`, … of
   * our own. A `channel` that cannot be had is let go; the client closes with its last one.
   */
  error: CustomEvent<{ type: "error"; code: string; message: string; channel?: string }>;
  bye: CustomEvent<{ type: "bye"; reason?: string; retry_ms?: number }>;
  /** `wait_ms`: when the next attempt is; null where that is unknown or there is none. */
  state: CustomEvent<{
    state: LinkState;
    transport: "ws" | "sse";
    wait_ms: number | null;
    reason: string | null;
  }>;
}

/** What an iteration yields: the newest of a channel, never a queue. */
export interface Notice {
  channel: string;
  cursor: string | null;
  /** How many messages this notice stands for. */
  messages: number;
  view: Channel;
}

export interface Client extends EventTarget, AsyncIterable<Notice> {
  readonly channels: Map<string, Channel>;
  readonly state: LinkState;
  readonly transport: "ws" | "sse";
  /** Where a later client may resume: every channel has been received up to here. */
  readonly cursor: string | null;
  /** Follows these too, on the same link; they are in `channels` at once, with their items soon. */
  add(channels: string | Iterable<string>): void;
  /** Follows these no more. Without any channel left the client closes. */
  remove(channels: string | Iterable<string>): void;
  /** Does not wait for the next attempt; also starts anew after `closed`. */
  reconnect(): void;
  close(): void;
  addEventListener<T extends keyof ClientEvents>(
    type: T,
    listener: (event: ClientEvents[T]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<T extends keyof ClientEvents>(
    type: T,
    listener: (event: ClientEvents[T]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** A channel of which nothing was heard yet. */
export function empty(name: string): Channel;
/** Applies one message in place; null for a message of another kind. */
export function apply(state: Channel, message: Message): Change | null;
/** `[key, item]` pairs in the channel's order. */
export function sorted(state: Channel): [Key, Item][];
