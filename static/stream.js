// The browser client: one link (WebSocket or SSE) that follows channels, survives everything and
// resumes where it was. `for await (const { view } of connect(url, { channels: ["quotes"] })) …`
// What a message does to the items is in reducer.js, how bytes come in links.js, types in stream.d.ts.
// Loaded when needed: events.js, the link by SSE; share.js, one link for all tabs; notices.js, iteration.

import { addressOf, list, viewOf } from "./address.js";
import { events, openSocket } from "./links.js";
import { watchPage } from "./page.js";
import { apply, empty } from "./reducer.js";
import { waitAfter } from "./waits.js";

export { apply, empty, sorted } from "./reducer.js";

const PROVEN_MS = 5_000; // a link that lived so long starts the waits anew
const FOLLOW_MS = 100; // what is added within it is one command: a server bounds commands a second
const OPENING_MS = 30_000; // what a link needs before it can be opened may take: a token, a module
const FINAL_CLOSES = [1008, 4404], FINAL_ANSWERS = [204, 400, 401, 403, 404, 410];
const WAITING_CLOSES = [1012, 1013]; // a second at least, where the server has not said how long
const here = globalThis, WEBSOCKET_TRIES = 2;

/** Follows `options.channels` of the server at `url`; starts at once. */
export function connect(url = here.location.origin, options = {}) {
  return new Client(url, options);
}

class Client extends EventTarget {
  state = "connecting"; channels = new Map();
  #base; #options; #cursor; #transport; #token;
  #link; // what is open now, {close(), follow?()}, or {} while it is awaited
  #upAt = 0; // when the link opened, in ms of the page; 0 = it is not open
  #asked; // name → channel: what the link was asked for
  #awaited; // names of those whose first message on this link is still to come
  #hidden = false; // no link is tried until the page is seen again
  #timer; #following; #page;
  #waited = 0; // ms since the link was lost
  #refused = 0; // WebSockets that failed while plain HTTP worked
  #hint = 0; // ms the server asked us to wait

  constructor(url, options) {
    super();
    const base = this.#base = new URL(url, here.location?.href);
    base.protocol = base.protocol.replace(/^ws/, "http");
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.#options = options;
    this.#cursor = options.since ?? null;
    this.#put(options.channels, this.#cursor);
    if (!this.channels.size) throw new TypeError("no channels");
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
    this.#waited = this.#hint = 0;
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

  close() { this.#finish("page closed"); }

  /** The channels that changed, each at most once however slowly it is read: never a queue. */
  [Symbol.asyncIterator]() {
    const notes = import("./notices.js").then(({ notices }) => notices(this));
    return { next: async () => (await notes).next(), return: async () => (await notes).return() };
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
    const link = this.#link = {};
    const mine = (act) => (value) => { if (this.#link === link) act.call(this, value); };
    const on = {
      up: mine(this.#up), text: mine(this.#take), reached: mine(this.#reached),
      broken: mine(this.#broken), down: mine(this.#lost), refused: mine(this.#refuse),
    };
    const failed = mine((error) => {
      this.#fail({ code: "not_opened", message: `${error}` });
      this.#retry();
    });
    this.#timer = setTimeout(failed, OPENING_MS, "timeout");
    // A listener may end all this, here as at every event.
    if (this.state !== "connecting") this.#become("reconnecting", { wait_ms: 0 });
    try {
      let given;
      let open = share && await (await import("./share.js")).join(this.#options, this.#base, this, connect);
      if (!open) {
        open = this.#transport === "ws" ? openSocket : (await events()).openEvents;
        given = await (typeof token === "function" ? token() : token);
      }
      if (this.#link !== link) return;
      clearTimeout(this.#timer);
      this.#token = given;
      Object.assign(link, open(this.#address(this.#transport), on));
    } catch (error) { failed(error); }
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#link?.close?.();
    this.#link = null;
    if (this.#upAt && performance.now() - this.#upAt >= PROVEN_MS) this.#waited = 0;
    this.#upAt = 0;
  }

  #hide() {
    this.#drop();
    this.#hidden = true;
    this.#become("offline", { reason: "page hidden" });
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
      return this.#refuse({ code: `close_${code}`, message: message || "server closed" });
    }
    if (WAITING_CLOSES.includes(code)) this.#hint ||= 1_000;
    const socket = this.#transport === "ws";
    if (socket && !unheard) this.#refused = 0;
    if (socket && unheard && !renewable) {
      // A browser tells a page nothing about a refused handshake; a plain request does.
      const question = this.#link = {};
      this.#timer = setTimeout(() => this.#retry(), OPENING_MS);
      this.#become("reconnecting");
      why = await events().then(({ ask }) => ask(this.#address("sse")), () => ({}));
      if (this.#link !== question) return;
      if (why.ok) this.#refused += 1;
    }
    if (FINAL_ANSWERS.includes(why.status)) return this.#refuse({ ...why, code: `http_${why.status}` });
    this.#hint ||= why.retry_ms;
    this.#retry();
  }

  #retry() {
    if (this.state === "closed") return;
    this.#drop();
    const offline = here.navigator?.onLine === false;
    const wait = waitAfter(this.#waited, this.#hint, offline);
    this.#waited += wait;
    this.#hint = 0;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#become(offline ? "offline" : "reconnecting", { wait_ms: Math.round(wait) });
  }

  // A channel that cannot be had is let go: it must not end all others, or no link would open again.
  #refuse({ code, message, channel }) {
    const goesOn = this.channels.size > 1 && this.channels.delete(channel);
    this.#fail({ code, message, channel });
    if (!goesOn) this.#finish(message);
    else if (this.state !== "closed") this.#open();
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
    if (!channels.size) return this.#finish("no channels");
    if (!this.#upAt) return;
    // One that was removed and added again is another: both ended and begun.
    const notIn = (others, all) => [...all.keys()].filter((name) => all.get(name) !== others.get(name));
    const added = notIn(this.#asked, channels);
    const removed = notIn(channels, this.#asked);
    if (!added[0] && !removed[0]) return;
    if (!this.#link.follow) return this.#open();
    this.#asked = new Map(channels);
    for (const name of removed) this.#awaited.delete(name);
    for (const name of added) this.#awaited.add(name);
    this.#link.follow(added, removed, viewOf(this.#options));
  }

  #take(text) {
    let message;
    try { message = JSON.parse(text) ?? {}; } catch {
      return this.#distrust({ code: "bad_message", message: "not JSON" });
    }
    const { type, retry_ms } = message;
    this.#emit("message", { message, text });
    if (type === "error") this.#denied(message);
    else if (type !== "bye") this.#apply(message);
    else {
      this.#hint = retry_ms ?? this.#hint;
      this.#emit("bye", message);
    }
  }

  #apply(message) {
    const name = message.channel;
    const view = this.channels.get(name);
    if (!view || this.#asked.get(name) !== view) return;
    if (message.type === "snapshot" || message.resumed) this.#awaited.delete(name);
    // What comes before the first message is left over from before it was removed and added again.
    const change = !this.#awaited.has(name) && apply(view, message);
    if (!change) return;
    this.#reached(message.cursor);
    const link = this.#link;
    this.#emit(change.kind, { message, view, change });
    if (!change.diverged || this.#link !== link) return;
    this.#distrust({ code: "diverged", message: "not the server's", channel: name });
  }

  // What is held may not be what the server has: all of it is asked for again.
  #distrust(error) {
    this.#cursor = null;
    this.#fail(error);
    this.#retry();
  }

  // A cursor is that of all channels of the link, so it counts once all of them have begun.
  #reached(cursor) {
    if (!this.#awaited.size) this.#cursor = cursor ?? this.#cursor;
  }

  // A refused subscription: the channel to blame is let go, those asked for with it are asked for anew.
  #denied(message) {
    for (const [name, view] of this.channels) {
      if (view.cursor && message.channel !== name) continue;
      if ((message.channel ?? name) === name) this.channels.delete(name) && this.#awaited.delete(name);
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
    return addressOf(this.#base, transport, this.channels.keys(), this.#options, since, this.#token);
  }
}
