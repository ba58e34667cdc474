// One chosen channel: its link, its facts, its banners, and the three panels below them. The table is
// the element <stream-table>, which shows what this client has.

import { setText } from "./dom.js";
import { clock, duration, since, whole } from "./format.js";
import { ItemPane } from "./item.js";
import { RawTape, Snippets } from "./panels.js";
import { connect } from "./stream.js";

const RATE_S = 5;
const MOST_ROWS = 500;
const BANNER_AFTER_MS = 800; // a link that is back sooner is not worth a word
const TRANSPORTS = { ws: "WebSocket", sse: "SSE" };

export class ChannelPane {
  #root; #base; #token; #onNews; #onDenied; #onItems;
  #table = null; #item; #raw; #snippets;
  #client = null;
  #view = null;
  #name = "";
  #link = { state: "connecting", wait_ms: null, reason: null, at: 0 };
  #lostAt = null;
  #counts = new Map(); // second → changes in it
  #panel = "table";
  #paused = false;
  #missingAt = null; // when the server had no such channel

  constructor(root, { base, token, onNews, onDenied, onItems }) {
    this.#root = root;
    this.#base = base;
    this.#token = token;
    this.#onNews = onNews;
    this.#onDenied = onDenied;
    this.#onItems = onItems;
    this.#item = new ItemPane(this.#find("#item"), () => {
      this.#table.shadowRoot.querySelector(".rows [tabindex='0']")?.focus();
    });
    this.#raw = new RawTape(this.#find("#raw"));
    this.#snippets = new Snippets(this.#find("#panel-use"));
    this.#find("#again").addEventListener("click", () => this.#client?.reconnect());
    this.#find("#pause").addEventListener("click", () => this.#pause(!this.#paused));
    this.#watchTabs();
  }

  /** Follows `name`; `options` are those of the client (fields, keys, where, maxRate, transport). */
  open(name, options) {
    this.close();
    this.#name = name;
    this.#find("#name").textContent = name;
    this.#raw.clear();
    this.#counts.clear();
    this.#pause(false);
    this.#snippets.show(this.#base, name, options, Boolean(this.#token()));
    const client = connect(this.#base, { ...options, channels: [name], token: this.#token() });
    this.#client = client;
    this.#view = client.channels.get(name);
    this.#show(client, name);
    this.#lostAt = null;
    this.#linkIs({ state: client.state, wait_ms: null, reason: null });
    const on = (type, act) => client.addEventListener(type, ({ detail }) => {
      if (this.#client !== client) return;
      act(detail);
      this.#onNews();
    });
    on("state", (detail) => this.#linkIs(detail));
    on("message", (detail) => this.#raw.take(detail));
    on("snapshot", ({ view }) => this.#onItems(view));
    on("diff", ({ view, change }) => {
      this.#changed(change);
      if (change.added.length > 0) this.#onItems(view);
    });
    on("error", ({ code, message }) => {
      if (code === "http_404") this.#missingAt = performance.now();
      if (code === "http_401" || code === "http_403") this.#onDenied(message);
    });
    this.#onNews();
  }

  /** The server listed the channel at this time; one that it did not have before is tried again. */
  found(at) {
    if (this.#missingAt === null || at <= this.#missingAt) return;
    this.#missingAt = null;
    this.#client?.reconnect();
  }

  close() {
    this.#missingAt = null;
    const client = this.#client;
    this.#client = null;
    this.#table?.remove();
    this.#table = null;
    client?.close();
  }

  #show(client, name) {
    const table = document.createElement("stream-table");
    table.id = "items";
    Object.assign(table, { channel: name, client, max: MOST_ROWS });
    table.addEventListener("stream-select", ({ detail }) => this.#item.choose(detail));
    table.addEventListener("stream-update", ({ detail }) => this.#item.update(detail.view));
    this.#find("#panel-table").prepend(table);
    this.#table = table;
    this.#item.close();
  }

  paint(now) {
    if (!this.#client) return;
    this.#paintFacts(now);
    this.#paintLink(now);
    this.#paintSource(now);
    if (this.#panel === "table") this.#paintTable();
    if (this.#panel === "raw" && !this.#paused) {
      const empty = this.#raw.paint(now);
      this.#find("#raw-nothing").hidden = !empty;
    }
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #linkIs(detail) {
    this.#link = { ...detail, at: performance.now() };
    if (detail.state === "live") this.#lostAt = null;
    else this.#lostAt ??= performance.now();
  }

  #changed(change) {
    const second = Math.floor(performance.now() / 1000);
    const count = change.added.length + change.changed.length + change.removed.length;
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count);
    for (const old of this.#counts.keys()) if (old < second - RATE_S) this.#counts.delete(old);
  }

  #rate() {
    const second = Math.floor(performance.now() / 1000);
    let sum = 0;
    for (const [at, count] of this.#counts) if (at < second && at >= second - RATE_S) sum += count;
    return (sum / RATE_S).toFixed(1);
  }

  #paintFacts(now) {
    const view = this.#view;
    const known = view.cursor !== null;
    const { state } = this.#link;
    const how = state === "live" ? `live · ${TRANSPORTS[this.#client.transport]}` : state;
    this.#find("#link").dataset.state = state;
    setText(this.#find("#link"), how);
    setText(this.#find("#count"), known ? whole(view.count) : "–");
    setText(this.#find("#rate"), this.#rate());
    setText(this.#find("#age"), since(view.as_of, now) || "–");
    this.#find("#age").title = view.as_of ?? "";
    setText(this.#find("#cursor"), view.cursor ?? "–");
    this.#root.classList.toggle("old", known && this.#lostAt !== null && this.#isOverdue());
  }

  #isOverdue() {
    return performance.now() - this.#lostAt > BANNER_AFTER_MS;
  }

  #paintLink() {
    const { state, wait_ms: wait, reason, at } = this.#link;
    const first = state === "connecting";
    const text = this.#lostAt === null || first || !this.#isOverdue() ? "" : {
      reconnecting: "The link to the server is lost.",
      offline: "This device is offline.",
      closed: `Closed: ${reason}`,
    }[state];
    const left = wait === null ? null : wait - (performance.now() - at);
    const soon = left === null || left < 500;
    const next = state === "closed" ? "" : soon ? "Trying now." : `Next attempt in ${duration(left)}.`;
    const held = this.#view.cursor === null ? "" : " The items are the last that came.";
    banner(this.#find("#link-banner"), text, next + held, state === "closed" ? "bad" : "warn");
  }

  #paintSource(now) {
    const status = this.#view.status;
    const from = status?.since ? ` since ${clock(status.since, now)}` : "";
    const why = status?.error?.message ? `: ${status.error.message}` : "";
    const [text, tone] = {
      stale: [`Stale${from}: the source was not read in time${why}`, "warn"],
      failing: [`Failing${from}${why || ": the last read failed"}`, "bad"],
      limited: [`Limited${from}${why || ": the source's quota is used up"}`, "warn"],
      waiting: [`Waiting for the first read${why}`, "calm"],
      paused: [`Paused${from}: the source is read only while somebody needs it`, "calm"],
    }[status?.state] ?? ["", "calm"];
    const next = Date.parse(status?.next_poll ?? "");
    const when = [
      next > now && `Next poll at ${clock(status.next_poll, now)}, in ${duration(next - now)}.`,
      next <= now && "Next poll is due.",
      tone !== "calm" && this.#view.as_of && `The items are as of ${clock(this.#view.as_of, now)}.`,
    ];
    const sentence = text && `${text.replace(/\.$/, "")}.`;
    banner(this.#find("#source-banner"), sentence, when.filter(Boolean).join(" "), tone);
  }

  #paintTable() {
    const { items, sort } = this.#view;
    const part = `${sort ? "First" : "Newest"} ${MOST_ROWS} of ${whole(items.size)}${sort ? ` by ${sort}` : ""}.`;
    setText(this.#find("#rows-note"), items.size > MOST_ROWS ? part : "");
    const nothing = this.#find("#nothing");
    const text = items.size > 0 ? "" : this.#emptiness();
    nothing.hidden = text === "";
    setText(nothing, text);
    // What was refused is said by the banner, not once more by the table.
    this.#table.hidden = text !== "" || (this.#link.state === "closed" && this.#view.cursor === null);
  }

  #emptiness() {
    const { state } = this.#link;
    if (this.#view.cursor === null) {
      return { live: `Loading ${this.#name}…`, connecting: "Connecting…" }[state] ?? "";
    }
    if (this.#view.status?.state === "waiting") return "No items yet: the source was not read so far.";
    if (this.#view.status?.state === "paused") {
      return "No items. Keys that are read on demand are named above, under View.";
    }
    return this.#view.whole ? "No items now. They appear here as soon as there are any." : "";
  }

  #pause(paused) {
    this.#paused = paused;
    if (this.#table) this.#table.paused = paused;
    const button = this.#find("#pause");
    button.ariaPressed = String(paused);
    button.textContent = paused ? "Go on" : "Pause";
    button.title = paused ? "The page stands still; the channel goes on" : "Let the page stand still";
    this.#onNews();
  }

  #watchTabs() {
    const tabs = [...this.#root.querySelectorAll("[role=tab]")];
    const choose = (chosen) => {
      this.#panel = chosen.id.replace("tab-", "");
      for (const tab of tabs) {
        tab.ariaSelected = String(tab === chosen);
        tab.tabIndex = tab === chosen ? 0 : -1;
        this.#find(`#${tab.getAttribute("aria-controls")}`).hidden = tab !== chosen;
      }
      this.#root.dataset.panel = this.#panel;
      this.#onNews();
    };
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = tabs[(at + step + tabs.length) % tabs.length];
        next.focus();
        choose(next);
      });
    });
  }
}

function banner(root, text, when, tone) {
  root.hidden = text === "";
  if (!text) return;
  root.dataset.tone = tone;
  setText(root.querySelector("[role=status]"), text);
  setText(root.querySelector(".when"), when);
}
