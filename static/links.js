// How bytes come and go: a WebSocket, an EventSource, one plain request. Decides nothing: the client
// (stream.js) says when to open and what a loss means.

const QUIET_MS = 25_000; // then ask whether the other side still lives
const ANSWER_MS = 10_000; // and give it so long
const OPEN_MS = 15_000;
const TYPES = ["snapshot", "diff", "patch", "status", "error", "bye"];

/** Opens a WebSocket; returns the function that closes it. `on` = {up, text, down(code, reason)}. */
export function openSocket(url, on) {
  const socket = new WebSocket(url);
  let heard = performance.now();
  let asked = null;
  const down = (code, reason) => { close(); on.down(code, reason); };
  const watch = setInterval(() => {
    const now = performance.now();
    const opening = socket.readyState === WebSocket.CONNECTING;
    if (opening ? now - heard > OPEN_MS : asked !== null && now - asked > ANSWER_MS) {
      down(1006, "silent");
    } else if (!opening && asked === null && now - heard > QUIET_MS) {
      asked = now;
      socket.send('{"op":"ping"}');
    }
  }, ANSWER_MS / 2);
  const close = () => {
    clearInterval(watch);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };
  socket.onopen = () => { heard = performance.now(); on.up(); };
  socket.onmessage = ({ data }) => { heard = performance.now(); asked = null; on.text(data); };
  socket.onclose = ({ code, reason }) => down(code, reason);
  return close;
}

/** Opens an EventSource; `on.broken` means that it tries again by itself, `on.down` that it gave up. */
export function openEvents(url, on) {
  const source = new EventSource(url);
  source.onopen = on.up;
  for (const type of TYPES) {
    // A message of type `error` and the loss of the link arrive under the same name.
    source.addEventListener(type, ({ data }) => { if (typeof data === "string") on.text(data); });
  }
  source.onerror = (event) => {
    if (typeof event.data === "string") return;
    if (source.readyState === EventSource.CLOSED) on.down();
    else on.broken();
  };
  return () => source.close();
}

/** What the server says to a plain request: `{status, ok, message, retry_ms}`; status 0 = nothing. */
export async function ask(url) {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), ANSWER_MS);
  try {
    const answer = await fetch(url, { signal: enough.signal, cache: "no-store" });
    const problem = answer.ok ? null : await answer.json().catch(() => null);
    const seconds = Number(answer.headers.get("retry-after") ?? NaN);
    return {
      status: answer.status,
      ok: answer.ok,
      message: wording(answer.status, problem),
      retry_ms: seconds >= 0 ? seconds * 1000 : null,
    };
  } catch {
    return { status: 0, ok: false, message: "no answer", retry_ms: null };
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
}

function wording(status, problem) {
  if (status === 204) return "the channel is gone for good";
  return problem?.detail ?? problem?.title ?? `the server answered ${status}`;
}
