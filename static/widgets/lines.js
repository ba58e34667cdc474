// Who follows what over which link. Elements with one server and one view share a link: those that
// appear in one turn are asked for together, later ones are added. Knows nothing of pages.

import { connect } from "../stream.js";

const HEARD = ["snapshot", "diff", "status", "state", "error"];
const followers = new Set(); // {id, channel, hear, open(channels), client}; those with one id share a client
const left = []; // those that followed until this turn
let timer = 0;

/**
 * Follows `channel`; returns what ends it. `hear(type, detail)` is called with the client's events
 * `snapshot`, `diff`, `status`, `state` and `error`, and before them with `join`, whose detail is
 * the client, as soon as there is one.
 */
export function follow(channel, { src, ...options }, hear) {
  const id = JSON.stringify([src, options]);
  const open = (channels) => connect(src, { ...options, channels, trail: true });
  const one = { id, channel, hear, open, client: null };
  followers.add(one);
  later();
  return () => {
    followers.delete(one);
    left.push(one);
    later();
  };
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

// At the end of the turn: an element that is moved within the page keeps its link.
function later() {
  timer ||= setTimeout(() => {
    timer = 0;
    const waiting = [...followers].filter(({ client }) => !client);
    for (const ones of Map.groupBy(waiting, ({ id }) => id).values()) join(ones);
    for (const one of left.splice(0)) leave(one);
  });
}

function join(ones) {
  const [{ id }] = ones;
  const client = [...followers, ...left].find((one) => one.id === id && one.client && one.client.state !== "closed")?.client;
  if (!client) return open(ones);
  client.add(ones.map(({ channel }) => channel));
  settle(ones, client);
}

function leave({ client, channel }) {
  const others = [...followers].filter((one) => one.client === client);
  if (others.length === 0) client?.close();
  else if (!others.some((one) => one.channel === channel)) client?.remove([channel]);
}

function open(ones) {
  const client = ones[0].open([...new Set(ones.map(({ channel }) => channel))]);
  listen(client, (type, detail, name) => {
    const mine = [...followers].filter((one) => one.client === client);
    const groups = Map.groupBy(mine, ({ channel }) => channel);
    // One channel that nobody may read must not take the others with it.
    const isOfAll = type === "error" && !name && /^http_4/.test(detail.code);
    if (isOfAll && groups.size > 1) return groups.forEach(open);
    for (const one of name ? groups.get(name) ?? [] : mine) one.hear(type, detail);
  });
  settle(ones, client);
}

function settle(ones, client) {
  for (const one of ones) {
    one.client = client;
    one.hear("join", client);
  }
}
