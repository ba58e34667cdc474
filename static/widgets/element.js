// What all elements have in common: attributes, a link, the state at the foot, a pause, a voice.
//
// A kind of element gives `build()` (the body's nodes), `show(dirty, now)` (paint what changed), and
// may give `reset()` (another channel), `second(now)`, `touched(change, view)` and `summary()`.

import { setText } from "../dom.js";
import { every, never, soon } from "./beat.js";
import { attach, follow } from "./lines.js";
import { look } from "./look.js";
import { make } from "./make.js";
import { describe, emptiness } from "./state.js";
import { moment } from "./text.js";

const WHERE = ["src", "channel", "token", "keys", "symbols", "where", "max-rate"];
const HOW = ["fields", "max", "theme", "palette", "label", "paused"];
const NUMBERS = ["max", "max-rate", "span", "speed", "stale-after"];
const OLD = ["stale", "failing", "reconnecting", "offline", "denied"];
const SPOKEN_MS = 15_000;
const DIRTY_MOST = 5_000;
const BRIEF_MS = 2_000; // a loss of the link that is over sooner is not shown as old rows
const BONES_MOST = 8;

export class StreamElement extends HTMLElement {
  static get observedAttributes() { return [...WHERE, ...HOW]; }
  static get sheets() { return []; }
  view = null;
  dirty = clean();
  state = { name: "", tone: "calm", text: "" };
  delay = null;
  shown = null; // how many items a kind shows that chooses among them
  #client = null;
  #link = { state: "connecting", wait_ms: null, reason: null, at: 0 };
  #since = 0; // when the state began
  #leave = null;
  #root = null;
  #parts = {};
  #relinks = false;
  #shown = false;
  #filled = false; // whether there are items to be seen, be they old
  #said = 0;
  #unsaid = 0;

  connectedCallback() {
    if (!this.#root) this.#adopt();
    every(this);
    this.#relink();
  }

  disconnectedCallback() {
    never(this);
    this.#leave?.();
    this.#leave = null;
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#root || before === after) return;
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
    const items = this.view?.items;
    // What is a number in the items is a text in an attribute.
    const keyOf = (text) => (items?.has(Number(text)) && !items.has(text) ? Number(text) : text);
    return listOf(this.getAttribute("symbols") ?? this.getAttribute("keys"))?.map(keyOf) ?? null;
  }

  get wantedFields() {
    return listOf(this.getAttribute("fields")) ?? null;
  }

  get name() {
    return this.getAttribute("label") ?? this.getAttribute("channel") ?? "";
  }

  /** Paints everything anew, and lets nothing flash. */
  refresh() {
    this.dirty.all = true;
    this.#shown = false;
    soon(this);
  }

  paint(now) {
    if (this.isConnected && this.view?.cursor && !(this.paused && this.#shown)) this.#paintItems(now);
    this.#tell(Date.now());
  }

  #paintItems(now) {
    const { dirty } = this;
    this.dirty = clean();
    this.#shown = true;
    this.#filled = this.view.items.size > 0;
    this.show(dirty, now);
    this.send("stream-update", { view: this.view });
  }

  tick(now) {
    this.#tell(now);
    if (!this.paused) this.second?.(now);
    if (this.#unsaid === 0 || this.paused || now - this.#said < SPOKEN_MS) return;
    const text = this.summary?.(this.#unsaid);
    if (text) this.#parts.voice.textContent = text;
    this.#said = now;
    this.#unsaid = 0;
  }

  /** Whether the page lets the element do what it does by itself. */
  send(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  // What was set before the element was known to the page stands in the way of its properties.
  #adopt() {
    for (const property of ["client", ...this.constructor.observedAttributes.map(propertyOf)]) {
      if (!Object.hasOwn(this, property)) continue;
      const value = this[property];
      delete this[property];
      this[property] = value;
    }
    this.#make();
  }

  #make() {
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [look, ...this.constructor.sheets];
    const part = (name, kind, more = {}) => make(kind, { class: name, part: name, ...more });
    const parts = this.#parts = {
      frame: part("frame", "div"), body: part("body", "div"), message: part("message", "p", { hidden: "" }),
      foot: part("foot", "div"), words: part("words", "span"), clock: part("clock", "span"),
      pause: part("pause", "button", { type: "button" }), voice: make("p", { class: "sr", role: "status" }),
      slot: make("slot"),
    };
    const bones = Math.min(this.wanted?.length ?? BONES_MOST, this.max ?? BONES_MOST, BONES_MOST);
    parts.slot.append(...Array.from({ length: bones }, () => make("div", { class: "bone" })));
    parts.foot.append(make("span", { class: "dot" }), parts.words, parts.clock, parts.pause);
    parts.pause.addEventListener("click", () => {
      this.paused = !this.paused;
    });
    parts.body.append(parts.slot, ...this.build(), parts.message);
    parts.frame.append(parts.body, parts.foot, parts.voice);
    this.#root.append(parts.frame);
  }

  #relink() {
    if (this.#relinks) return;
    this.#relinks = true;
    queueMicrotask(() => {
      this.#relinks = false;
      this.#leave?.();
      this.#leave = null;
      if (this.isConnected) this.#join();
    });
  }

  #join() {
    const channel = this.getAttribute("channel");
    [this.view, this.delay, this.#link] = [null, null, { state: "connecting", wait_ms: null, at: 0 }];
    this.#filled = false;
    this.#said = Date.now();
    this.reset?.();
    this.refresh();
    if (!channel) return this.#hear("error", { code: "no_channel", message: "name a channel", channel: "" });
    const hear = (type, detail) => this.#hear(type, detail);
    try {
      this.#leave = this.#client ? attach(this.#client, channel, hear) : follow(channel, {
        src: new URL(this.getAttribute("src") ?? home(), location.href).href,
        token: this.token, keys: this.wanted ?? undefined, where: this.where ?? undefined,
        maxRate: this.maxRate ?? undefined,
      }, hear);
    } catch (error) {
      this.#hear("error", { code: "bad_link", message: error.message, channel });
    }
  }

  #hear(type, detail) {
    if (type === "join") {
      this.view = detail.channels.get(this.getAttribute("channel"));
      if (this.view?.cursor) this.touched?.({ kind: "snapshot" }, this.view);
      this.#link = { state: detail.state, wait_ms: null, reason: null, at: Date.now() };
    } else if (type === "state") {
      // A refusal says more than the end of the link that follows it.
      const reason = detail.state === "closed" ? detail.reason : null;
      this.#link = { ...detail, reason, at: Date.now() };
    } else if (type === "error") {
      if (detail.channel === undefined || detail.code === "diverged") return;
      this.#link = { state: "closed", wait_ms: null, reason: detail.message, at: Date.now() };
    } else this.#note(detail);
    soon(this);
  }

  #note({ message, change, view }) {
    const { dirty } = this;
    this.touched?.(change, view);
    if (change.kind === "status") return;
    const behind = Date.now() - Date.parse(message.as_of ?? "");
    if (change.kind === "diff") this.delay = behind >= 0 ? behind : null;
    this.#unsaid += change.added.length + change.changed.length + change.removed.length;
    if (change.kind === "snapshot" || dirty.added.size + dirty.changed.size + dirty.removed.size > DIRTY_MOST) {
      this.dirty = { ...clean(), all: true };
    }
    if (this.dirty.all) return;
    for (const key of change.added) dirty.added.add(key);
    for (const key of change.changed) dirty.changed.add(key);
    for (const key of change.removed) dirty.removed.add(key);
  }

  #tell(now) {
    const { frame, message, slot, words, clock, pause } = this.#parts;
    const state = describe({ link: this.#link, view: this.view, now, delay: this.delay, lag: this.lag });
    if (state.name !== this.state.name) {
      this.#since = now;
      this.send("stream-state", { state: state.name, text: state.text });
    }
    this.state = state;
    const waiting = this.paused ? this.dirty.added.size + this.dirty.changed.size + this.dirty.removed.size : 0;
    const text = this.paused ? `PAUSED${waiting ? ` · ${waiting} changed` : ""}` : state.text;
    setText(words, text);
    words.title = text;
    frame.dataset.tone = this.paused ? "calm" : state.tone;
    const isBrief = state.name === "reconnecting" && now - this.#since < BRIEF_MS;
    frame.toggleAttribute("data-old", OLD.includes(state.name) && !isBrief);
    setText(clock, this.view?.as_of ? moment(this.view.as_of, now) : "");
    clock.title = this.view?.as_of ? `as of ${this.view.as_of}` : "";
    setText(pause, this.paused ? "Resume" : "Pause");
    pause.ariaPressed = String(Boolean(this.paused));
    const isEmpty = this.view?.cursor ? this.view.items.size === 0 : !this.#filled;
    const nothing = isEmpty ? emptiness(state, this.name) : this.shown === 0 ? "Nothing here matches." : "";
    slot.hidden = this.view?.cursor != null || nothing !== "" || this.#filled;
    slot.parentNode.ariaBusy = String(!slot.hidden);
    message.hidden = nothing === "";
    setText(message, nothing);
  }
}

/** Makes the attributes of a kind its properties too, and the kind known to the page. */
export function define(name, kind) {
  for (const attribute of kind.observedAttributes) {
    const property = propertyOf(attribute);
    if (property in kind.prototype) continue;
    Object.defineProperty(kind.prototype, property, {
      get() {
        const text = this.getAttribute(attribute);
        if (attribute === "paused") return text !== null;
        return text !== null && NUMBERS.includes(attribute) ? Number(text) : text;
      },
      set(value) {
        if (value === null || value === undefined || value === false) this.removeAttribute(attribute);
        else this.setAttribute(attribute, value === true ? "" : value);
      },
    });
  }
  if (!customElements.get(name)) customElements.define(name, kind);
}

function propertyOf(attribute) {
  return attribute.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

function listOf(text) {
  return text?.split(",").map((part) => part.trim()).filter(Boolean);
}

function clean() {
  return { all: false, added: new Set(), changed: new Set(), removed: new Set() };
}

// The server this module came from, also where it is mounted below another path.
function home() {
  const { href, origin } = new URL(import.meta.url);
  const at = href.lastIndexOf("/static/");
  return at < 0 ? origin : href.slice(0, at + 1);
}
