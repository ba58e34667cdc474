// `for await (const { view } of client)`: loaded by the client when it is iterated.

const TYPES = ["snapshot", "diff", "status"];

/** The channels that changed, each at most once however slowly it is read: never a queue. */
export function notices(client) {
  const reading = { over: false, wake() {} };
  const notes = read(client, reading);
  return {
    next: () => notes.next(),
    // A generator would not end before its next notice, which may never come.
    return() {
      reading.over = true;
      reading.wake();
      return notes.return();
    },
  };
}

async function* read(client, reading) {
  const pending = new Map();
  const note = ({ detail: { view } }) => {
    const messages = (pending.get(view.name)?.messages ?? 0) + 1;
    pending.set(view.name, { channel: view.name, cursor: view.cursor, messages, view });
    reading.wake();
  };
  const stop = () => { if (client.state === "closed") reading.wake(); };
  for (const type of TYPES) client.addEventListener(type, note);
  client.addEventListener("state", stop);
  try {
    for (const view of client.channels.values()) if (view.cursor) note({ detail: { view } });
    while (!reading.over && (pending.size > 0 || client.state !== "closed")) {
      if (pending.size === 0) await new Promise((resolve) => { reading.wake = resolve; });
      for (const [name, notice] of pending) {
        pending.delete(name);
        yield notice;
      }
    }
  } finally {
    for (const type of TYPES) client.removeEventListener(type, note);
    client.removeEventListener("state", stop);
  }
}
