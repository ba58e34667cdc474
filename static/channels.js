// Which channels there are, for the pages that are built of widgets, and what else these pages share.

import { element, setText } from "./dom.js";
import { NO_CHANNELS, read, Refusal } from "./server.js";
import { askForToken } from "./tokenbox.js";

const EVERY_MS = 1_500;
const MISSING_MS = 3_000; // between looks for a channel that is missing
const PATIENCE = 4; // readings until a channel without items is shown as it is

/**
 * Waits until there are channels of these shapes, or all have items, but not for long.
 * Answers those that can be followed; `say(text)` is told why there are none yet.
 */
export async function knownChannels(say, shapes) {
  for (let tries = 1; ; tries += 1) {
    try {
      const { body } = await read("channels");
      const channels = body.channels.filter(({ name }) => !name.includes("{"));
      const isReady = shapes.every((shape) => channels.some((channel) => channel.shape === shape))
        || channels.every(({ count, state }) => count > 0 || state !== "waiting");
      if (channels.length > 0 && (isReady || tries >= PATIENCE)) return say(""), channels;
      say(channels.length > 0 ? "Waiting for the first items." : NO_CHANNELS);
    } catch (error) {
      const isRefused = error instanceof Refusal;
      say(isRefused ? error.message : "The server does not answer. Trying again.");
      if (isRefused && [401, 403].includes(error.status)) return askForToken(error.message), null;
    }
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
  }
}

/**
 * Watches for chosen channels that the server has no more, as after a restart with other sources.
 * `names()` are those chosen; `list(channels)` is told what there is now, `again()` when all are back.
 */
export function watchMissing(names, { list, again }) {
  let timer = null;
  const look = async () => {
    const answer = await read("channels").catch((error) => {
      if (error.status === 401) askForToken(error.message);
      return null;
    });
    timer = null;
    if (answer === null) return later();
    const known = answer.body.channels.filter(({ name }) => !name.includes("{"));
    list(known);
    const missing = names().find((name) => !known.some((channel) => channel.name === name));
    say(missing === undefined ? "" : `There is no channel ‘${missing}’ to read now. Choose another, or wait until it is back.`);
    if (missing === undefined) again();
    else later();
  };
  const later = () => { timer ??= setTimeout(look, MISSING_MS); };
  document.addEventListener("stream-state", ({ detail }) => { if (detail.state === "denied") later(); });
}

/** The channels of a shape first, then others that have items. */
export function preferring(channels, shape) {
  const rank = (channel) => (shape && channel.shape === shape ? 0 : channel.count > 0 ? 1 : 2);
  return [...channels].sort((a, b) => rank(a) - rank(b));
}

/** Fills a choice; `values` are texts or `[value, text]`. */
export function offer(select, values, chosen) {
  select.replaceChildren(...values.map((given) => {
    const [value, text] = Array.isArray(given) ? given : [given, given];
    const option = element("option");
    Object.assign(option, { value, textContent: text, selected: value === chosen });
    return option;
  }));
}

/** A widget with these attributes; those without a value are left out. */
export function widget(name, attributes) {
  const made = element(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== "") made.setAttribute(attribute, value);
  }
  return made;
}

/** Shows a sentence above everything, or nothing. */
export function say(text) {
  const note = document.querySelector("#note");
  note.hidden = text === "";
  setText(note, text);
}

/** Keeps the clock at the foot of the page. */
export function startClock() {
  const clock = document.querySelector("#utc");
  const tick = () => setText(clock, new Date().toISOString().slice(11, 19));
  setInterval(tick, 1_000);
  tick();
}

/** Remembers choices in the page's address, so that it can be kept as a bookmark. */
export function remember(choices) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(choices)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  history.replaceState(null, "", address);
}

/** What the address says was chosen. */
export function remembered(name) {
  return new URL(location.href).searchParams.get(name);
}
