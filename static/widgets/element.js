// What all elements have in common: attributes, a link, the state at the foot, a pause, a voice.
//
// A kind of element gives `build()` (the body's nodes), `show(dirty, now)` (paint what changed), and
// may give `reset()` (another channel), `second(now)`, `touched(keys, change, view)` (what may be
// another now), `summary(count)`, `restate(state)` and `nothing` (why it shows no items although there are). `dirty` is `{all, isMoved, added, touched}`: whether all may be another,
// whether anything came or went, the keys of what came, and those of all that changed.

import { attach, follow } from "./lines.js";
import { look } from "./look.js";
import { describe } from "./state.js";
import { surround } from "./surround.js";

const WHERE = ["src", "channel", "token", "keys", "symbols", "where", "max-rate"];
const HOW = ["fields", "max", "theme", "palette", "label", "paused"];
const NUMBERS = ["max", "max-rate", "span", "speed", "stale-after"];
const SECOND_MS = 1_000;
const SPOKEN_MS = 15_000;
const DIRTY_MOST = 5_000;
const BONES_MOST = 8;
const CAUGHT_UP_MS = 8_000; // how long it is said what was missed while the link was lost
const ALL = { kind: "snapshot", added: [], changed: [], removed: [] };

export class StreamElement extends HTMLElement {
  view = null;
  dirty = clean();
  state = { name: "", tone: "calm", text: "", since: 0 };
  delay = null;
  isFilled = false; // whether there are items to be seen, be they old
  #client = null;
  #link = { state: "connecting" };
  #leave = null;
  #followed; // the client's channels: where ours is let go, its states are of others
  #around = null;
  #relinks = false;
  #timer;
  #frame = 0;
  #isShown = false;
  #said = 0;
  #unsaid = 0;
  #missed = { count: 0, at: 0 }; // items that changed while the link was lost, and when that was known

  connectedCallback() {
    if (!this.#around) this.#adopt();
    this.#timer = setInterval(() => this.#tick(Date.now()), SECOND_MS);
    this.#relink();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#end();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#around || before === after) return;
    if (WHERE.includes(name)) this.#relink();
    else this.refresh();
  }

  /** A client of the page's own to follow the channel with, in place of what the attributes ask for. */
  get client() { return this.#client; }
  set client(client) {
    this.#client = client;
    this.#relink();
  }

  /** The keys asked for, in the order they were given; null = all. */
  get wanted() {
    return this.keysOf(this.symbols ?? this.keys);
  }

  /** The keys that an attribute names: what is a number in the items is a text there. */
  keysOf(text) {
    const items = this.view?.items;
    const keyOf = (one) => (items?.has(Number(one)) && !items.has(one) ? Number(one) : one);
    return listOf(text)?.map(keyOf);
  }

  get wantedFields() {
    return listOf(this.fields);
  }

  get name() {
    return this.label ?? this.channel ?? "";
  }

  /** How many items changed since the last paint. */
  get unseen() {
    return this.dirty.touched.size;
  }

  /** Paints everything anew, and lets nothing flash. */
  refresh() {
    this.dirty = clean(true);
    this.#isShown = false;
    this.soon();
  }

  /** Has `paint` called in the next frame, once however often it is asked for. */
  soon() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.paint(now);
    });
  }

  paint(now) {
    const { dirty, view } = this;
    if (this.isConnected && view?.cursor && !(this.paused && this.#isShown)) {
      this.dirty = clean();
      this.#isShown = true;
      this.isFilled = view.items.size > 0;
      this.show(dirty, now);
      this.send("stream-update", { view });
    }
    this.#tell();
  }

  #tick(now) {
    this.#tell();
    if (this.paused) return;
    this.second?.(now);
    if (!this.#unsaid || now - this.#said < SPOKEN_MS) return;
    const text = this.summary?.(this.#unsaid);
    if (text) this.say(text);
    [this.#said, this.#unsaid] = [now, 0];
  }

  /** Says something to those who cannot see. */
  say(text) {
    this.#around.say(text);
  }

  /** Whether the page lets the element do what it does by itself. */
  send(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** Tells the page that a row was chosen. */
  choose(key) {
    return this.send("stream-select", { key, item: this.view.items.get(key) ?? null });
  }

  // What was set before the element was known to the page stands in the way of its properties.
  #adopt() {
    for (const property of ["client", ...this.constructor.observedAttributes.map(propertyOf)]) {
      if (!Object.hasOwn(this, property)) continue;
      const value = this[property];
      delete this[property];
      this[property] = value;
    }
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look, ...this.constructor.sheets];
    const bones = Math.min(this.wanted?.length ?? BONES_MOST, this.max ?? BONES_MOST, BONES_MOST);
    this.#around = surround(this, this.build(), bones);
    root.append(this.#around.frame);
  }

  #relink() {
    if (this.#relinks) return;
    this.#relinks = true;
    queueMicrotask(() => {
      this.#relinks = false;
      this.#end();
      if (this.isConnected) this.#join();
    });
  }

  #end() {
    this.#leave?.();
    this.#leave = null;
  }

  #join() {
    const { channel } = this;
    [this.view, this.delay, this.isFilled, this.#said] = [null, null, false, Date.now()];
    this.#linkIs("connecting");
    this.reset?.();
    this.refresh();
    const hear = (type, detail) => this.#hear(type, detail);
    try {
      if (!channel) throw new Error("name a channel");
      this.#leave = this.#client ? attach(this.#client, channel, hear) : follow(channel, {
        src: new URL(this.src ?? home(), location.href).href,
        token: this.token, keys: this.wanted, where: this.where ?? undefined, maxRate: this.maxRate ?? undefined,
      }, hear);
    } catch (error) {
      this.#linkIs("closed", error.message);
    }
  }

  #hear(type, detail) {
    if (type === "join") {
      this.#followed = detail.channels;
      this.view = this.#followed.get(this.channel);
      this.#linkIs(detail.state);
      if (this.view?.cursor) this.#note({ message: {}, change: ALL, view: this.view });
    } else if (type === "state") this.#followed.has(this.channel) && this.#linkIs(detail.state, detail.reason, detail.wait_ms);
    else if (type !== "error") this.#note(detail);
    // What has no channel is followed by the state that it leads to, and what diverged is asked for anew.
    else if (detail.channel !== undefined && detail.code !== "diverged") this.#linkIs("closed", detail.message);
    this.soon();
  }

  #linkIs(state, reason = null, wait_ms = null) {
    this.#link = { state, reason, wait_ms, at: Date.now() };
  }

  #note({ message, change, view }) {
    const { dirty } = this;
    const { kind, added, changed, removed } = change;
    const isAll = kind === "snapshot";
    const keys = isAll ? [...view.items.keys()] : [...added, ...changed];
    this.touched?.(keys, change, view);
    if (kind === "status") return;
    if (isAll || this.unseen > DIRTY_MOST) this.dirty = clean(true);
    if (isAll) return;
    const behind = Date.now() - Date.parse(message.as_of);
    this.delay = behind >= 0 ? behind : null;
    const all = [...keys, ...removed];
    if (message.resumed) this.#missed = { count: all.length, at: Date.now() };
    this.#unsaid += all.length;
    if (this.dirty.all) return;
    dirty.isMoved ||= all.length > changed.length;
    for (const key of added) dirty.added.add(key);
    for (const key of all) dirty.touched.add(key);
  }

  #tell() {
    const now = Date.now();
    const missed = now - this.#missed.at < CAUGHT_UP_MS ? this.#missed.count : 0;
    const said = describe({ link: this.#link, view: this.view, now, delay: this.delay, missed });
    const state = this.restate?.(said) ?? said;
    const isOther = state.name !== this.state.name;
    this.state = { ...state, since: isOther ? now : this.state.since };
    if (isOther) this.send("stream-state", { state: state.name, text: state.text });
    this.#around.tell(now);
  }
}

/** Makes a kind known to the page, with its looks; its attributes, with those of all, become properties too. */
export function define(name, kind, sheets, attributes = []) {
  Object.assign(kind, { sheets, observedAttributes: [...WHERE, ...HOW, ...attributes] });
  for (const attribute of kind.observedAttributes) {
    const property = propertyOf(attribute);
    Object.defineProperty(kind.prototype, property, {
      get() {
        const text = this.getAttribute(attribute);
        if (attribute === "paused") return text !== null;
        return text && NUMBERS.includes(attribute) ? Number(text) : text;
      },
      set(value) {
        if ((value ?? false) === false) this.removeAttribute(attribute);
        else this.setAttribute(attribute, value === true ? "" : value);
      },
    });
  }
  if (!customElements.get(name)) customElements.define(name, kind);
}

function propertyOf(attribute) {
  return attribute.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

/** What an attribute lists, with commas; undefined where there is none. */
export function listOf(text) {
  return text?.split(",").map((part) => part.trim()).filter(Boolean);
}

function clean(all = false) {
  return { all, isMoved: all, added: new Set(), touched: new Set() };
}

// The server this module came from, also where it is mounted below another path.
function home() {
  const { url } = import.meta;
  return new URL(/^.*\/(?=static\/)/.exec(url)?.[0] ?? "/", url).href;
}
