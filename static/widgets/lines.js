// Who follows what over which link. Elements with one server and one view share a link: those that
// appear in one turn are asked for together, later ones are added. Knows nothing of pages.

import { connect } from "../stream.js";

const TRAIL = true; // snapshots bring the recent values that a channel keeps
const NOTICES = ["snapshot", "diff", "status"];
const lines = new Map();

/**
 * Follows `channel`; returns what ends it. `hear(type, detail)` is called with the client's events
 * `snapshot`, `diff`, `status`, `state` and `error`, and before them with `join`, whose detail is
 * the client, as soon as there is one.
 */
export function follow(channel, { src, ...options }, hear) {
  const id = JSON.stringify([src, options]);
  const line = lines.get(id) ?? new Line(id, src, options);
  lines.set(id, line);
  return line.join(channel, hear);
}

/** The same with a client of the page's own, which stays the page's to close. */
export function attach(client, channel, hear) {
  const ended = new AbortController();
  for (const type of [...NOTICES, "state", "error"]) {
    const tell = ({ detail }) => { if (!detail.view || detail.view.name === channel) hear(type, detail); };
    client.addEventListener(type, tell, { signal: ended.signal });
  }
  hear("join", client);
  return () => ended.abort();
}

class Line {
  #id; #src; #options;
  #hearers = new Map(); // channel → set of functions
  #clients = new Map(); // channel → client; many channels may have one
  #timer = 0;

  constructor(id, src, options) {
    [this.#id, this.#src, this.#options] = [id, src, { ...options, trail: TRAIL }];
  }

  join(channel, hear) {
    const all = this.#hearers.get(channel) ?? new Set();
    this.#hearers.set(channel, all.add(hear));
    const client = this.#clients.get(channel);
    if (client) hear("join", client);
    else this.#later();
    return () => {
      all.delete(hear);
      this.#later();
    };
  }

  // At the end of the turn: an element that is moved within the page keeps its link.
  #later() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      for (const [channel, all] of this.#hearers) if (all.size === 0) this.#drop(channel);
      const fresh = [...this.#hearers.keys()].filter((channel) => !this.#clients.has(channel));
      if (fresh.length > 0) this.#add(fresh);
      if (this.#hearers.size === 0) lines.delete(this.#id);
    });
  }

  #drop(channel) {
    const client = this.#clients.get(channel);
    this.#hearers.delete(channel);
    this.#clients.delete(channel);
    if (![...this.#clients.values()].includes(client)) client?.close();
    else client.remove?.([channel]);
  }

  #add(channels) {
    const open = [...this.#clients.values()].find((client) => client.add && client.state !== "closed");
    if (!open) return this.#open(channels);
    open.add(channels);
    this.#settle(open, channels);
  }

  #open(channels) {
    const client = connect(this.#src, { ...this.#options, channels });
    const tell = (channel, type, detail) => {
      if (this.#clients.get(channel) !== client) return;
      for (const hear of this.#hearers.get(channel)) hear(type, detail);
    };
    const mine = () => [...this.#clients].filter(([, other]) => other === client).map(([channel]) => channel);
    for (const type of NOTICES) {
      client.addEventListener(type, ({ detail }) => tell(detail.view.name, type, detail));
    }
    client.addEventListener("state", ({ detail }) => {
      for (const channel of mine()) tell(channel, "state", detail);
    });
    client.addEventListener("error", ({ detail }) => {
      const all = mine();
      // One channel that nobody may read must not take the others with it.
      const isOfAll = !detail.channel && /^http_4/.test(detail.code) && all.length > 1;
      if (isOfAll) return all.forEach((one) => this.#open([one]));
      for (const channel of detail.channel ? [detail.channel] : all) tell(channel, "error", detail);
    });
    this.#settle(client, channels);
  }

  #settle(client, channels) {
    for (const channel of channels) {
      this.#clients.set(channel, client);
      for (const hear of this.#hearers.get(channel)) hear("join", client);
    }
  }
}
