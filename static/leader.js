// The leader of the tabs that share a link (share.js): has the client that is linked, passes on every
// message, and gives a tab that joins what it lacks. Members say `want` (all their channels), `ask`
// (those to be given), `have` (of these, those they hold up to `cursor`), `leave`, or nothing: a ping.

/** `gone(id, signal)` resolves once that tab has ended; `send` tells all members, this tab's too. */
export class Leader {
  term = Date.now() + Math.random();
  #gone; #send; #link;
  #wants = new Map(); // member → its channels
  #begun = new Set(); // channels that have begun on the present link
  #owed = []; // [member, channel]: to be given once it has begun
  #error;
  #over = new AbortController();

  constructor(gone, send) {
    this.#gone = gone;
    this.#send = send;
  }

  /** Opens the link, going on from where this tab's own client stands, and calls all members. */
  start(client, connect) {
    const views = [...client.channels.values()];
    const since = views.every((view) => view.whole) ? client.cursor : null;
    this.#link = connect({ channels: client.channels.keys(), since });
    if (since) {
      for (const view of views) {
        Object.assign(this.#link.channels.get(view.name), view, { items: new Map(view.items) });
      }
    }
    const on = (type, act) => {
      this.#link.addEventListener(type, ({ detail }) => act(detail), { signal: this.#over.signal });
    };
    on("message", ({ message: { type, channel }, text }) => {
      if (type !== "error") this.#send({ channel, first: type === "snapshot", text });
    });
    on("snapshot", (detail) => this.#begins(detail));
    on("diff", (detail) => this.#begins(detail));
    on("error", (error) => this.#fails(error));
    on("state", (detail) => this.#becomes(detail));
    this.#send({ hello: true });
  }

  close() {
    this.#over.abort();
    this.#link.close();
  }

  hear({ from, want, ask, have, cursor, leave }) {
    if (leave) {
      this.#wants.delete(from);
      this.#owed = this.#owed.filter(([member]) => member !== from);
      return this.#trim();
    }
    if (!want) return this.#send({ to: from });
    if (!this.#wants.has(from)) {
      this.#gone(from, this.#over.signal).then(() => this.hear({ from, leave: true }));
    }
    this.#wants.set(from, want);
    this.#link.add(want);
    this.#trim();
    const { state, transport, channels } = this.#link;
    this.#send({ to: from, state: { state, transport } });
    // Since the link was lost nothing has come: who stands where it was lost goes on from there.
    const same = this.#begun.size === 0 && cursor && cursor === this.#link.cursor;
    for (const name of ask) {
      const view = channels.get(name);
      const has = have.includes(name);
      if (view.whole && has && same) this.#resume(from, view, cursor);
      else if (view.whole && (!has || this.#begun.has(name))) this.#give(from, view);
      else this.#owed.push([from, name]);
    }
  }

  // A channel nobody wants any more is not followed any more.
  #trim() {
    if (this.#over.signal.aborted) return;
    const wanted = new Set([...this.#wants.values()].flat());
    this.#link.remove([...this.#link.channels.keys()].filter((name) => !wanted.has(name)));
  }

  #begins({ message, view }) {
    if (message.type !== "snapshot" && !message.resumed) return;
    this.#begun.add(view.name);
    const owed = this.#owed.filter(([, name]) => name === view.name);
    this.#owed = this.#owed.filter(([, name]) => name !== view.name);
    // A snapshot has gone to all already.
    if (message.type !== "snapshot") for (const [member] of owed) this.#give(member, view);
  }

  // What cannot be had is gone from the link's channels: those who want it are told, once.
  #fails(error) {
    this.#error = error;
    const had = this.#link.channels;
    for (const [to, names] of [...this.#wants]) {
      this.#wants.set(to, names.filter((name) => had.has(name)));
      for (const channel of names.filter((name) => !had.has(name))) {
        this.#send({ to, text: JSON.stringify({ ...error, channel }) });
      }
    }
    this.#owed = this.#owed.filter(([, name]) => had.has(name));
  }

  #becomes(detail) {
    if (detail.state !== "live") this.#begun.clear();
    if (detail.state !== "closed") return this.#send({ state: detail });
    this.#send({ refused: { code: this.#error?.code ?? "closed", message: detail.reason } });
  }

  #resume(to, { name: channel, items }, cursor) {
    const message = { type: "diff", channel, cursor, count: items.size, resumed: true };
    this.#send({ to, channel, first: true, text: JSON.stringify(message) });
  }

  #give(to, { name: channel, key, sort, as_of, items, trail, status }) {
    const cursor = this.#link.cursor ?? undefined;
    const head = { type: "snapshot", channel, cursor, key, sort, as_of, count: items.size };
    const text = JSON.stringify({ ...head, items: [...items.values()], trail });
    this.#send({ to, channel, first: true, text });
    if (status?.type) this.#send({ to, channel, text: JSON.stringify(status) });
  }
}
