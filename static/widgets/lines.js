// Who follows what over which link. Elements with one server and one view share a link: those that
// appear in one turn are asked for together, later ones are added. Knows nothing of pages.

import { connect } from "../stream.js";

const HEARD = ["snapshot", "diff", "status", "state", "error"];
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
  listen(client, (type, detail, name) => {
    if ((name ?? channel) === channel) hear(type, detail);
  }, ended.signal);
  hear("join", client);
  return () => ended.abort();
}

// `act(type, detail, name)`; what is of all channels has no name.
function listen(client, act, signal) {
  for (const type of HEARD) {
    const hear = ({ detail }) => act(type, detail, detail.view?.name ?? detail.channel);
    client.addEventListener(type, hear, { signal });
  }
}

class Line {
  #id; #src; #options;
  #followed = new Map(); // channel → {client, hearers}; many channels may have one client
  #timer = 0;

  constructor(id, src, options) {
    [this.#id, this.#src, this.#options] = [id, src, options];
  }

  join(channel, hear) {
    const one = this.#followed.get(channel) ?? { client: null, hearers: new Set() };
    this.#followed.set(channel, one);
    one.hearers.add(hear);
    if (one.client) hear("join", one.client);
    else this.#later();
    return () => {
      one.hearers.delete(hear);
      this.#later();
    };
  }

  // At the end of the turn: an element that is moved within the page keeps its link.
  #later() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const fresh = [];
      for (const [channel, { client, hearers }] of this.#followed) {
        if (hearers.size === 0) this.#drop(channel, client);
        else if (!client) fresh.push(channel);
      }
      if (fresh.length > 0) this.#add(fresh);
      if (this.#followed.size === 0) lines.delete(this.#id);
    });
  }

  #drop(channel, client) {
    this.#followed.delete(channel);
    if (this.#channelsOf(client).length > 0) client?.remove([channel]);
    else client?.close();
  }

  #channelsOf(client) {
    return [...this.#followed.keys()].filter((channel) => this.#followed.get(channel).client === client);
  }

  #add(channels) {
    const open = [...this.#followed.values()].find(({ client }) => client && client.state !== "closed");
    if (!open) return this.#open(channels);
    open.client.add(channels);
    this.#settle(open.client, channels);
  }

  #open(channels) {
    const client = connect(this.#src, { ...this.#options, channels, trail: true });
    listen(client, (type, detail, name) => {
      const mine = this.#channelsOf(client);
      // One channel that nobody may read must not take the others with it.
      const isOfAll = type === "error" && !name && /^http_4/.test(detail.code);
      if (isOfAll && mine.length > 1) return mine.forEach((one) => this.#open([one]));
      for (const channel of mine) if ((name ?? channel) === channel) this.#tell(channel, type, detail);
    });
    this.#settle(client, channels);
  }

  #settle(client, channels) {
    for (const channel of channels) {
      this.#followed.get(channel).client = client;
      this.#tell(channel, "join", client);
    }
  }

  #tell(channel, type, detail) {
    for (const hear of this.#followed.get(channel)?.hearers ?? []) hear(type, detail);
  }
}
