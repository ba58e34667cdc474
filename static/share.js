// One link for all tabs of an origin that follow the same server in the same way. Every tab is a member
// of a group; the one that holds the group's lock leads it (leader.js): it has the link and passes on
// what comes. A browser gives a lock back when its tab ends, so there is always a leader.

import { viewOf } from "./address.js";
import { Leader } from "./leader.js";
import { alarm } from "./links.js";

const FORMAT = 1; // of what tabs say to each other: those of another do not share
const QUIET_MS = 25_000; // then ask whether the leader still lives
const ANSWER_MS = 10_000; // and give it so long before another takes over,
const SPREAD_MS = 2_000; // and at most so much longer: not all at once, for each takes it from the last

/** How `client` opens its link as a member; null where the browser has no locks or no channels. */
export async function join(options, base, client, connect) {
  const { locks } = globalThis.navigator ?? {};
  if (!locks || !globalThis.BroadcastChannel) return null;
  // To a page that may store nothing a browser gives no lock, though it has them.
  if (!await locks.query().catch(() => null)) return null;
  const { share, maxRate, transport } = options;
  const same = [base.href, share, maxRate, transport, viewOf(options)];
  const lead = (more) => connect(base, { ...options, share: false, ...more });
  return (url, on) => {
    const member = new Member(`stream ${FORMAT} ${JSON.stringify(same)}`, locks, client, lead, on);
    return { shared: true, close: () => member.close(), follow: (added) => member.ask(added) };
  };
}

class Member {
  #id = crypto.randomUUID();
  #group; #locks; #client; #connect; #on; #bus;
  #term = null; // of the leader that is listened to: when it took the lead, so that a later one counts
  #admitted = new Set(); // channels that are as the leader has them
  #leader = null; // where this tab leads
  #live = false;
  #standing = null;
  #left = new AbortController();
  #expect = alarm();

  constructor(group, locks, client, connect, on) {
    this.#group = group;
    this.#locks = locks;
    this.#client = client;
    this.#connect = connect;
    this.#on = on;
    this.#bus = new BroadcastChannel(group);
    this.#bus.onmessage = ({ data }) => this.#hear(data ?? {});
    // Held for as long as this tab is a member: who waits for it learns that the tab has gone. So it
    // has to be held before anybody hears of the tab.
    this.#lock(this.#id, this.#left.signal, () => {
      this.#stand();
      this.ask();
      return ended(this.#left.signal);
    });
  }

  close() {
    if (!this.#leader) this.#bus.postMessage({ from: this.#id, leave: true });
    this.#leader?.close();
    this.#leader = null;
    this.#standing?.abort();
    this.#standing = null;
    this.#left.abort();
    this.#expect();
    this.#bus.close();
  }

  /** Asks the leader for these channels; without names for all, saying what is held already. */
  ask(names) {
    const { channels, cursor } = this.#client;
    const want = [...channels.keys()];
    const have = names ? [] : want.filter((name) => channels.get(name).whole);
    for (const name of names ?? []) this.#admitted.delete(name);
    this.#say({ want, ask: names ?? want, have, cursor });
  }

  #lock(name, signal, held) {
    return this.#locks.request(`${this.#group} ${name}`, { signal }, held).catch(() => {});
  }

  // Waits for the leader's lock, or takes it from one that does not answer.
  #stand(steal) {
    this.#standing?.abort();
    const standing = this.#standing = new AbortController();
    const held = () => {
      if (this.#standing !== standing) return null;
      this.#lead();
      return ended(standing.signal);
    };
    const options = steal ? { steal } : { signal: standing.signal };
    this.#locks.request(this.#group, options, held).catch(() => {}).then(() => {
      if (this.#standing !== standing) return;
      // It was taken from this tab, which had not answered for a while.
      this.#leader?.close();
      this.#leader = null;
      this.#stand();
      this.ask();
    });
  }

  #lead() {
    const gone = (id, signal) => this.#lock(id, signal, () => true);
    const leader = this.#leader = new Leader(gone, (message) => {
      if (this.#leader !== leader) return;
      const told = { term: leader.term, ...message };
      this.#bus.postMessage(told);
      this.#hear(told);
    });
    leader.start(this.#client, this.#connect);
  }

  #say(message) {
    const said = { from: this.#id, ...message };
    if (this.#leader) return this.#leader.hear(said);
    this.#bus.postMessage(said);
    this.#expect(ANSWER_MS + Math.random() * SPREAD_MS, () => this.#stand(true));
  }

  #hear(data) {
    const { from, to = this.#id, term, hello, state, refused, channel, first, text } = data;
    if (from) return this.#leader?.hear(data);
    if (to !== this.#id) return;
    // Who joins while the lead changes may hear the old leader first, after the hello of the new one.
    const isNew = hello || (this.#term && term > this.#term);
    if (isNew && this.#term) this.#become({ state: "reconnecting" });
    if (this.#left.signal.aborted) return;
    if (isNew) this.#term = term;
    this.#term ??= term;
    if (term !== this.#term) return;
    this.#expect(QUIET_MS, () => this.#say({}));
    if (isNew) {
      this.#admitted.clear();
      this.ask();
    }
    if (refused) this.#on.refused(refused);
    else if (state) this.#become(state);
    else if (text) this.#pass(channel, first, text);
  }

  #become(detail) {
    const was = this.#live;
    this.#live = detail.state === "live";
    if (!this.#live) this.#on.broken(detail);
    else if (!was) this.#on.up(detail.transport);
  }

  #pass(channel, first, text) {
    if (channel) {
      if (!this.#client.channels.has(channel)) return;
      if (first) this.#admitted.add(channel);
      if (!this.#admitted.has(channel)) return;
    }
    this.#on.text(text);
  }
}

function ended(signal) {
  return new Promise((resolve) => { signal.addEventListener("abort", resolve); });
}
