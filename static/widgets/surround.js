// What is around the items of every element: the strip at the foot, and what stands in their place.

import { setText } from "../dom.js";
import { make, part } from "./make.js";
import { emptiness } from "./state.js";
import { moment } from "./text.js";

const OLD = ["stale", "failing", "reconnecting", "offline", "denied"];
const BRIEF_MS = 2_000; // a loss of the link that is over sooner is not shown as old rows

/**
 * Puts `inner` between the two; `bones` are how many grey lines keep the place. Answers `{frame, say, tell}`:
 * `say(text)` to those who cannot see, and `tell(now)`, in ms of the wall clock, how the element stands.
 */
export function surround(element, inner, bones) {
  const [words, clock] = [part("words", "span"), part("clock", "span")];
  const pause = part("pause", "button", { type: "button" });
  const message = part("message", "p", { hidden: "" });
  const voice = make("p", { class: "sr", role: "status" });
  const slot = make("slot", {}, ...Array.from({ length: bones }, () => make("div", { class: "bone" })));
  const body = part("body", "div", {}, slot, ...inner, message);
  const foot = part("foot", "div", {}, make("span", { class: "dot" }), words, clock, pause);
  const frame = part("frame", "div", {}, body, foot, voice);
  pause.addEventListener("click", () => {
    element.paused = !element.paused;
  });

  function tell(now) {
    const { view, state, paused, unseen, isFilled, name, nothing } = element;
    const text = paused ? `PAUSED${unseen ? ` · ${unseen} changed` : ""}` : state.text;
    const isBrief = state.name === "reconnecting" && now - state.since < BRIEF_MS;
    setText(words, text);
    words.title = text;
    setText(clock, moment(view?.as_of, now));
    clock.title = view?.as_of ? `as of ${view.as_of}` : "";
    setText(pause, paused ? "Resume" : "Pause");
    frame.dataset.tone = paused ? "calm" : state.tone;
    frame.toggleAttribute("data-old", OLD.includes(state.name) && !isBrief);
    const isEmpty = view?.cursor ? view.items.size === 0 : !isFilled;
    setText(message, isEmpty ? emptiness(state, name) : nothing ?? "");
    message.hidden = !message.textContent;
    slot.hidden = Boolean(view?.cursor || isFilled) || !message.hidden;
    body.ariaBusy = String(!slot.hidden);
  }

  return { frame, tell, say: (text) => setText(voice, text) };
}
