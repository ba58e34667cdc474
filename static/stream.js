// The browser client: one link (WebSocket or SSE) that follows channels, survives everything and
// resumes where it was. `for await (const { view } of connect(url, { channels: ["quotes"] })) …`
// What a message does to the items is in reducer.js, how bytes come in links.js, types in stream.d.ts.

import { ask, openEvents, openSocket } from "./links.js";
import { apply, empty } from "./reducer.js";

export { apply, empty, sorted } from "./reducer.js";

const BACKOFF_MS = { first: 500, most: 20_000 };
const PROVEN_MS = 5_000; // a link that lived so long starts the backoff anew
const HINT_MS = { least: 1_000, most: 3_600_000 };
const WEBSOCKET_TRIES = 2;
const FINAL_CLOSES = [1000, 1008, 4404];
const WAITING_CLOSES = [1012, 1013];
const FINAL_ANSWERS = [204, 400, 401, 403, 404, 410];
const NOTICES = ["snapshot", "diff", "status"];

/** Follows `options.channels` of the server at `url`; starts at once. */
export function connect(url = globalThis.location.origin, options = {}) {
  return new Client(url, options);
}

class Client extends EventTarget {
  state = "connecting";
  #base; #options; #cursor; #transport;
  #link = null; // what is open now: {close()}
  #upSince = null; // when the link opened
  #heard = false; // whether the link brought a message
  #awaited = new Set(); // channels whose first message on this link is still to come
  #timer = null;
  #attempt = 0;
  #refused = 0; // WebSockets that failed while plain HTTP worked
  #hint = null; // ms the server asked us to wait
  #page = new AbortController();

  constructor(url, options) {
    super();
    this.#base = new URL(url, globalThis.location?.href);
    this.#base.protocol = this.#base.protocol.replace(/^ws/, "http");
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#options = { transport: "auto", ...options };
    this.#cursor = options.since ?? null;
    this.channels = new Map(list(options.channels).map((name) => [name, empty(name)]));
    if (this.channels.size === 0) throw new TypeError("connect: options.channels names no channel");
    this.#watchPage();
    this.#open();
  }

  /** Where a later client may resume: every channel has been received up to here. */
  get cursor() { return this.#cursor; }

  /** "ws" or "sse": what is in use, or was last tried. */
  get transport() { return this.#transport; }

  /** Does not wait for the next attempt; also starts anew after a final refusal. */
  reconnect() {
    if (this.#page.signal.aborted) {
      this.#page = new AbortController();
      this.#watchPage();
    }
    this.#attempt = 0;
    this.#hint = null;
    this.#open();
  }

  close() {
    this.#finish("closed by the page");
  }

  /** The channels that changed, each at most once however slowly it is read: never a queue. */
  async *[Symbol.asyncIterator]() {
    const pending = new Map();
    let wake = () => {};
    const note = ({ detail: { view } }) => {
      const messages = (pending.get(view.name)?.messages ?? 0) + 1;
      pending.set(view.name, { channel: view.name, cursor: view.cursor, messages, view });
      wake();
    };
    const stop = () => { if (this.state === "closed") wake(); };
    for (const type of NOTICES) this.addEventListener(type, note);
    this.addEventListener("state", stop);
    try {
      for (const view of this.channels.values()) if (view.cursor) note({ detail: { view } });
      while (pending.size > 0 || this.state !== "closed") {
        if (pending.size === 0) await new Promise((resolve) => { wake = resolve; });
        for (const [name, notice] of pending) {
          pending.delete(name);
          yield notice;
        }
      }
    } finally {
      for (const type of NOTICES) this.removeEventListener(type, note);
      this.removeEventListener("state", stop);
    }
  }

  #watchPage() {
    if (typeof globalThis.addEventListener !== "function") return;
    const on = (type, act) => globalThis.addEventListener(type, act, { signal: this.#page.signal });
    // An open link would keep the page out of the back/forward cache.
    on("pagehide", () => {
      this.#drop();
      this.#become("offline", { reason: "the page is hidden" });
    });
    on("pageshow", () => { if (!this.#link) this.reconnect(); });
    on("online", () => { if (this.state !== "live") this.reconnect(); });
    on("offline", () => { if (this.state !== "live") this.#retry(); });
  }

  #open() {
    this.#drop();
    const { transport } = this.#options;
    const blocked = this.#refused >= WEBSOCKET_TRIES || typeof WebSocket === "undefined";
    this.#transport = transport === "auto" ? (blocked ? "sse" : "ws") : transport;
    this.#heard = false;
    this.#awaited = new Set(this.channels.keys());
    if (this.state !== "connecting") this.#become("reconnecting", { wait_ms: 0 });
    const link = { close: () => {} };
    const mine = (act) => (...values) => { if (this.#link === link) act(...values); };
    this.#link = link;
    const open = this.#transport === "sse" ? openEvents : openSocket;
    link.close = open(this.#address(this.#transport), {
      up: mine(() => this.#up()),
      text: mine((text) => this.#take(text)),
      broken: mine(() => this.#broken()),
      down: mine((code, reason) => this.#lost(code, reason)),
    });
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#upSince = null;
  }

  #up() {
    this.#upSince = performance.now();
    this.#become("live");
  }

  // The EventSource reconnects by itself; but its own cursor is only right for a complete link.
  #broken() {
    if (this.#awaited.size > 0) return this.#lost();
    this.#awaited = new Set(this.channels.keys());
    this.#become("reconnecting");
  }

  async #lost(code, reason) {
    const lived = this.#upSince !== null && performance.now() - this.#upSince >= PROVEN_MS;
    const heard = this.#heard;
    this.#drop();
    if (lived) this.#attempt = 0;
    if (code === 1000 ? this.#hint === null : FINAL_CLOSES.includes(code)) {
      return this.#refuse(`close_${code}`, reason || `the server closed with ${code}`);
    }
    if (WAITING_CLOSES.includes(code)) this.#hint ??= HINT_MS.least;
    if (!heard) {
      // A browser tells a page nothing about a refused handshake; a plain request does.
      this.#become("reconnecting");
      const question = this.#link = { close: () => {} };
      const answer = await ask(this.#address("sse"));
      if (this.#link !== question) return;
      this.#link = null;
      if (FINAL_ANSWERS.includes(answer.status)) {
        return this.#refuse(`http_${answer.status}`, answer.message);
      }
      if (answer.ok && this.#transport === "ws") this.#refused += 1;
      this.#hint ??= answer.retry_ms === null ? null : Math.min(answer.retry_ms, HINT_MS.most);
    }
    this.#retry();
  }

  #retry() {
    this.#drop();
    const cap = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(this.#attempt++, 10));
    // Still tried without a network, though rarely: the server may be on this machine.
    const offline = globalThis.navigator?.onLine === false;
    const wait = offline ? BACKOFF_MS.most : (this.#hint ?? 0) + Math.random() * cap;
    this.#hint = null;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#become(offline ? "offline" : "reconnecting", { wait_ms: Math.round(wait) });
  }

  #refuse(code, message) {
    this.#emit("error", { type: "error", code, message });
    this.#finish(message);
  }

  #finish(reason) {
    this.#drop();
    this.#page.abort();
    if (this.state !== "closed") this.#become("closed", { reason });
  }

  #take(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return this.#emit("error", { type: "error", code: "bad_message", message: "not JSON" });
    }
    if (message === null || typeof message !== "object" || Array.isArray(message)) return;
    this.#heard = true;
    this.#emit("message", { message, text });
    if (message.type === "error") this.#emit("error", message);
    else if (message.type === "bye") this.#bye(message);
    else this.#follow(this.channels.get(message.channel), message);
  }

  #follow(view, message) {
    const change = view && apply(view, message);
    if (!change) return;
    if (change.kind !== "status") {
      this.#awaited.delete(view.name);
      if (this.#awaited.size === 0) this.#cursor = message.cursor ?? this.#cursor;
    }
    const link = this.#link;
    this.#emit(change.kind, { message, view, change });
    if (!change.diverged || !link || this.#link !== link) return;
    const text = `the items of '${view.name}' differ from the server's: asking for all of them`;
    this.#emit("error", { type: "error", code: "diverged", message: text, channel: view.name });
    this.#cursor = null;
    this.#attempt = this.#upSince + PROVEN_MS < performance.now() ? 0 : this.#attempt;
    this.#retry();
  }

  #bye(message) {
    if (message.retry_ms >= 0) this.#hint = Math.min(message.retry_ms, HINT_MS.most);
    this.#emit("bye", message);
    if (this.#transport === "sse" && this.#link) this.#lost();
  }

  #become(state, more = {}) {
    this.state = state;
    this.#emit("state", { state, transport: this.#transport, wait_ms: null, reason: null, ...more });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #address(transport) {
    const names = [...this.channels.keys()].map(encodeURIComponent).join(",").replaceAll("%3A", ":");
    const url = new URL(`${transport}/${names}`, this.#base);
    if (transport === "ws") url.protocol = url.protocol.replace("http", "ws");
    const { fields, keys, where, maxRate, trail, token } = this.#options;
    const asked = {
      since: this.#cursor, fields: list(fields), keys: list(keys), where, max_rate: maxRate,
      trail: trail ? 1 : null, token,
    };
    for (const [name, value] of Object.entries(asked)) {
      if (String(value ?? "") !== "") url.searchParams.set(name, String(value));
    }
    return url;
  }
}

function list(value) {
  return typeof value === "string" ? value.split(",") : [...(value ?? [])];
}
