// The link by server-sent events, and the question why a WebSocket did not open: what needs `fetch`.
// Loaded by the client when one of them is needed. Opened as the links of links.js are.

import { alarm, OPEN_MS } from "./links.js";

const BEAT_MS = 15_000; // between signs of life, where the server does not say

/**
 * Opens an event stream. Not with an EventSource, which ends for good at any status but 200, does not
 * say at which, and hides the server's beat, so that a dead link looks like a quiet channel.
 */
export function openEvents(url, on) {
  const enough = new AbortController();
  const expect = alarm();
  const close = () => { expect(); enough.abort(); };
  const down = (why) => {
    if (enough.signal.aborted) return;
    close();
    on.down(why);
  };
  const read = async () => {
    const answer = await fetch(url, { signal: enough.signal, cache: "no-store" });
    const { status, body, headers } = answer;
    if (status !== 200 || !/event-stream/.test(headers.get("content-type"))) {
      const { detail, channel } = await answer.json().catch(() => ({}));
      const message = detail ?? `the server answered ${status}`;
      return { status, message, channel, retry_ms: headers.get("retry-after") * 1_000 };
    }
    on.up();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let beat = BEAT_MS;
    let text = "";
    for (;;) {
      expect(2 * beat + 5_000, () => down({}));
      const { value, done } = await reader.read();
      if (done) return {};
      text += value;
      // A large event comes in many pieces, whose line ends are only in the last.
      if (!value.includes("\n")) continue;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const field = (line) => event.match(line)?.[1];
        const [data, id, seconds] = [/^data: ([^\n]*)/m, /^id: (.*)/m, /^: beat (.*)/m].map(field);
        beat = seconds * 1_000 || beat;
        if (data) on.text(data);
        else if (id) on.reached(id);
      }
    }
  };
  expect(OPEN_MS, () => down({}));
  read().catch(() => ({})).then(down);
  return { close };
}

/** What the server says to a plain request for the stream at `url`: as `why` of `down`, or `ok`. */
export function ask(url) {
  return new Promise((resolve) => {
    const up = () => { link.close(); resolve({ ok: true }); };
    const link = openEvents(url, { up, down: resolve });
  });
}
