// Which channels there are, for the pages that are built of widgets, and what else these pages share.

import { element, setText } from "./dom.js";
import { read, Refusal } from "./server.js";

const EVERY_MS = 1_500;
const PATIENCE = 4; // readings until a channel without items is shown as it is

/**
 * Waits until the channels have items, so that their shapes are known, but not for long.
 * Answers those that can be followed; `say(text)` is told why there are none yet.
 */
export async function knownChannels(say) {
  for (let tries = 1; ; tries += 1) {
    try {
      const { body } = await read("channels");
      const channels = body.channels.filter(({ name }) => !name.includes("{"));
      const ready = channels.every(({ count, state }) => count > 0 || state !== "waiting");
      if (channels.length > 0 && (ready || tries >= PATIENCE)) return say(""), channels;
      say(channels.length > 0 ? "" : "There are no channels. Add a source to the configuration.");
    } catch (error) {
      const refused = error instanceof Refusal;
      say(refused ? error.message : "The server does not answer. Trying again.");
      if (refused && [401, 403].includes(error.status)) return null;
    }
    await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
  }
}

/** The channels of a shape first, then the others. */
export function preferring(channels, shape) {
  return [...channels].sort((a, b) => (b.shape === shape) - (a.shape === shape));
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
