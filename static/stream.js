// The browser client: one link (WebSocket or SSE) that follows channels, survives everything and
// resumes where it was. `for await (const { view } of connect(url, { channels: ["quotes"] })) …`
// What a message does to the items is in reducer.js, how bytes come in links.js, types in stream.d.ts.
// Loaded when needed: events.js, the link by SSE; share.js, one link for all tabs; notices.js, iteration.

import { addressOf, list, viewOf } from "./address.js";
import { openSocket } from "./links.js";
import { watchPage } from "./page.js";
import { apply, empty } from "./reducer.js";

export { apply, empty, sorted } from "./reducer.js";

const FIRST_WAIT_MS = 500; // doubled with each attempt; the wait is drawn from 0 to that
const LONGEST_WAIT_MS = 20_000;
const LONGEST_HINT_MS = 3_600_000;
const PROVEN_MS = 5_000; // a link that lived so long starts the waits anew
const FOLLOW_MS = 100; // what is added within it is one command: a server bounds commands a second
const OPENING_MS = 30_000; // what a link needs before it can be opened may take: a token, a module
const WEBSOCKET_TRIES = 2;
const FINAL_CLOSES = [1008, 4404];
const WAITING_CLOSES = [1012, 1013]; // a second at least, where the server has not said how long
const FINAL_ANSWERS = [204, 400, 401, 403, 404, 410];
const here = globalThis;

/** Follows `options.channels` of the server at `url`; starts at once. */
export function connect(url = here.location.origin, options = {}) {
  return new Client(url, options);
}

class Client extends EventTarget {
  state = "connecting";
  channels = new Map();
  #base; #options; #cursor; #transport; #token;
  #link; // what is open now: {close(), follow?()}
  #upAt = 0; // when the link opened, in ms of the page; 0 = it is not open
  #asked; // name → channel: what the link was asked for
  #awaited; // names of those whose first message on this link is still to come
  #hidden = false; // no link is tried until the page is seen again
  #timer; #following;
  #attempt = 0;
  #refused = 0; // WebSockets that failed while plain HTTP worked
  #hint = 0; // ms the server asked us to wait
  #page;

  constructor(url, options) {
    super();
    this.#base = new URL(url, here.location?.href);
    this.#base.protocol = this.#base.protocol.replace(/^ws/, "http");
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#options = options;
    this.#cursor = options.since ?? null;
    this.#put(options.channels, this.#cursor);
    if (!this.channels.size) throw new TypeError("connect: options.channels names no channel");
    this.reconnect();
  }

  /** Where a later client may resume: every channel has been received up to here. */
  get cursor() { return this.#cursor; }

  /** "ws" or "sse": what is in use, or was last tried. */
  get transport() { return this.#transport; }

  /** Follows these too, on the same link. */
  add(channels) {
    this.#put(channels, null);
    this.#followSoon();
  }

  /** Follows these no more. */
  remove(channels) {
    for (const name of list(channels)) this.channels.delete(name);
    this.#followSoon();
  }

  /** Does not wait for the next attempt; also starts anew after a final refusal. */
  reconnect() {
    this.#attempt = this.#hint = 0;
    this.#hidden = false;
    this.#page?.abort();
    this.#page = new AbortController();
    const mayTry = () => !this.#hidden && !this.#link?.shared;
    watchPage(this.#page.signal, {
      hide: () => this.#hide(),
      show: () => { if (this.#hidden) this.reconnect(); },
      online: () => { if (mayTry() && this.state !== "live") this.reconnect(); },
      offline: () => { if (mayTry()) this.#retry(); },
    });
    this.#open();
  }

  close() { this.#finish("closed by the page"); }

  /** The channels that changed, each at most once however slowly it is read: never a queue. */
  async *[Symbol.asyncIterator]() {
    yield* (await import("./notices.js")).notices(this);
  }

  #put(channels, cursor) {
    for (const name of list(channels)) {
      if (!this.channels.has(name)) this.channels.set(name, { ...empty(name), cursor });
    }
  }

  async #open() {
    this.#drop();
    const { transport = "auto", token, share } = this.#options;
    const blocked = this.#refused >= WEBSOCKET_TRIES || !here.WebSocket;
    this.#transport = transport === "auto" ? (blocked ? "sse" : "ws") : transport;
    this.#asked = new Map(this.channels);
    this.#awaited = new Set(this.channels.keys());
    if (this.state !== "connecting") this.#become("reconnecting", { wait_ms: 0 });
    const link = this.#link = { close() {} };
    const mine = (act) => (value) => { if (this.#link === link) act.call(this, value); };
    const on = {
      up: mine(this.#up), text: mine(this.#take), reached: mine(this.#reached),
      broken: mine(this.#broken), down: mine(this.#lost), refused: mine(this.#refuse),
    };
    this.#timer = setTimeout(() => on.down({ message: "too late" }), OPENING_MS);
    try {
      let open = share && (await import("./share.js")).join(this.#options, this.#base, this, connect);
      if (!open) {
        open = this.#transport === "ws" ? openSocket : (await import("./events.js")).openEvents;
        this.#token = await (typeof token === "function" ? token() : token);
      }
      if (this.#link !== link) return;
      clearTimeout(this.#timer);
      Object.assign(link, open(this.#address(this.#transport), on));
    } catch (error) {
      if (this.#link !== link) return;
      this.#fail({ code: "not_opened", message: String(error) });
      this.#retry();
    }
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    if (this.#upAt && performance.now() - this.#upAt >= PROVEN_MS) this.#attempt = 0;
    this.#upAt = 0;
  }

  #hide() {
    if (this.state === "closed") return;
    this.#drop();
    this.#hidden = true;
    this.#become("offline", { reason: "the page is hidden" });
  }

  #up(transport = this.#transport) {
    this.#transport = transport;
    this.#upAt = performance.now();
    this.#hint = 0;
    this.#become("live");
    this.#follow();
  }

  // The tab that holds a shared link has lost it, and tries again by itself.
  #broken(detail) {
    this.#awaited = new Set(this.#asked.keys());
    this.#become(detail.state, detail);
  }

  async #lost(why) {
    const { code, message } = why;
    const unheard = this.#awaited.size === this.#asked.size;
    this.#drop();
    const renewable = typeof this.#options.token === "function" && /token expired/.test(message);
    if (code === 1000 ? !this.#hint : FINAL_CLOSES.includes(code) && !renewable) {
      return this.#refuse({ code: `close_${code}`, message: message || `the server closed: ${code}` });
    }
    if (WAITING_CLOSES.includes(code)) this.#hint ||= 1_000;
    if (this.#transport === "ws" && unheard && !renewable) {
      // A browser tells a page nothing about a refused handshake; a plain request does.
      const question = this.#link = { close() {} };
      this.#become("reconnecting");
      this.#timer = setTimeout(() => this.#retry(), OPENING_MS);
      const events = await import("./events.js").catch(() => null);
      why = await events?.ask(this.#address("sse")) ?? {};
      if (this.#link !== question) return;
      if (why.ok) this.#refused += 1;
    }
    if (FINAL_ANSWERS.includes(why.status)) return this.#refuse({ ...why, code: `http_${why.status}` });
    this.#hint ||= why.retry_ms;
    this.#retry();
  }

  #retry() {
    this.#drop();
    const cap = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempt);
    const hint = Math.min(this.#hint || 0, LONGEST_HINT_MS);
    // Still tried without a network, though rarely: the server may be on this machine.
    const offline = here.navigator?.onLine === false;
    const wait = offline && this.#attempt ? LONGEST_WAIT_MS : hint + Math.random() * cap;
    this.#attempt += 1;
    this.#hint = 0;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#become(offline ? "offline" : "reconnecting", { wait_ms: Math.round(wait) });
  }

  // A channel that cannot be had is let go: it must not end all others, or no link would open again.
  #refuse({ code, message, channel }) {
    const goesOn = this.channels.size > 1 && this.channels.delete(channel);
    this.#fail({ code, message, channel });
    if (goesOn) this.#open();
    else this.#finish(message);
  }

  #finish(reason) {
    this.#drop();
    this.#page.abort();
    if (this.state !== "closed") this.#become("closed", { reason });
  }

  #followSoon() { this.#following ??= setTimeout(() => this.#follow(), FOLLOW_MS); }

  #follow() {
    clearTimeout(this.#following);
    this.#following = null;
    const { channels } = this;
    if (!channels.size) return this.#finish("no channel is left");
    if (!this.#upAt) return;
    const asked = this.#asked;
    const added = [...channels.keys()].filter((name) => channels.get(name) !== asked.get(name));
    const removed = [...asked.keys()].filter((name) => !channels.has(name));
    if (!added.length && !removed.length) return;
    if (!this.#link.follow) return this.#open();
    this.#asked = new Map(channels);
    for (const name of added) this.#awaited.add(name);
    for (const name of removed) this.#awaited.delete(name);
    this.#link.follow(added, removed, viewOf(this.#options));
  }

  #take(text) {
    let message;
    try {
      message = JSON.parse(text) ?? {};
    } catch {
      return this.#fail({ code: "bad_message", message: "not JSON" });
    }
    const { type, channel, retry_ms } = message;
    this.#emit("message", { message, text });
    if (type === "error") this.#denied(message);
    else if (type !== "bye") this.#apply(this.channels.get(channel), message);
    else {
      this.#hint = retry_ms ?? this.#hint;
      this.#emit("bye", message);
    }
  }

  #apply(view, message) {
    const name = message.channel;
    if (!view || this.#asked.get(name) !== view) return;
    if (message.type === "snapshot" || message.resumed) this.#awaited.delete(name);
    // What comes before the first message is left over from before it was removed and added again.
    const change = !this.#awaited.has(name) && apply(view, message);
    if (!change) return;
    if (change.kind !== "status") this.#reached(message.cursor);
    const link = this.#link;
    this.#emit(change.kind, { message, view, change });
    if (!change.diverged || !link || this.#link !== link) return;
    this.#fail({ code: "diverged", message: `'${name}' is not as the server has it`, channel: name });
    this.#cursor = null;
    this.#retry();
  }

  // A cursor is that of all channels of the link, so it counts once all of them have begun.
  #reached(cursor) {
    if (!this.#awaited.size) this.#cursor = cursor ?? this.#cursor;
  }

  // A refused subscription: the channel to blame is let go, those asked for with it are asked for anew.
  #denied(message) {
    for (const [name, view] of this.channels) {
      if (view.cursor) continue;
      if ((message.channel ?? name) === name) this.channels.delete(name);
      this.#asked.delete(name);
    }
    this.#emit("error", message);
    if (this.channels.size) this.#followSoon();
    else this.#finish(message.message);
  }

  #fail(error) { this.#emit("error", { type: "error", ...error }); }

  #become(state, more) {
    this.state = state;
    this.#emit("state", { state, transport: this.#transport, wait_ms: null, reason: null, ...more });
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  #address(transport) {
    // A cursor says nothing of a channel that was not followed up to it.
    const since = [...this.channels.values()].every((view) => view.cursor) && this.#cursor;
    const names = this.channels.keys();
    return addressOf(this.#base, transport, names, this.#options, since, this.#token);
  }
}
