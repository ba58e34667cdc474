// How bytes come and go by WebSocket; events.js does it by server-sent events. Decides nothing: the
// client (stream.js) says when to open and what a loss means.
//
// A link is opened with `on`: `up()`, `text(text)`, `reached(cursor)` and `down(why)`, which comes at
// most once; `why` holds what is known: `code` and `message` of a close, or `status`, `message`,
// `channel` and `retry_ms` of an answer.

export const OPEN_MS = 15_000;
const QUIET_MS = 25_000; // of a WebSocket: then ask whether the other side still lives
const ANSWER_MS = 10_000; // and give it so long

/** Opens a WebSocket; returns `close` and `follow`, which begins and ends subscriptions on it. */
export function openSocket(url, on) {
  const socket = new WebSocket(url);
  const say = (op, more) => socket.send(JSON.stringify({ op, ...more }));
  const expect = alarm();
  const close = () => {
    expect();
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const down = (why) => { close(); on.down(why); };
  const heard = () => expect(QUIET_MS, () => {
    say("ping");
    expect(ANSWER_MS, () => down({}));
  });
  socket.onopen = () => { heard(); on.up(); };
  socket.onmessage = ({ data }) => { heard(); on.text(data); };
  socket.onclose = ({ code, reason }) => down({ code, message: reason });
  expect(OPEN_MS, () => down({}));
  return { close, follow: (added, removed, view) => {
    if (removed.length) say("unsubscribe", { channels: removed });
    if (added.length) say("subscribe", { channels: added, ...view });
  } };
}

/** One timer: setting it anew, or calling it with nothing, takes back what it was set for. */
export function alarm() {
  let timer;
  return (ms, act) => {
    clearTimeout(timer);
    timer = act && setTimeout(act, ms);
  };
}

let missed = 0;

/** The module that reads event streams. Browsers may remember for good that a file could not be had by its name. */
export function events() {
  return import("./events.js").catch(() => import(`./events.js?${++missed}`));
}
