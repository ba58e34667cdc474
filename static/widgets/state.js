// How a channel stands, in one word, one tone and one line. Pure: the current time is given.

import { duration } from "../format.js";
import { lapse, moment } from "./text.js";

const DELAYED_MS = { least: 60_000, most: 86_400_000 };

/**
 * `link` is the client's last state (`{state, wait_ms, reason, at}`, `at` in ms of the wall clock),
 * `view` the channel or null, `delay` the ms from the source to here, `lag` how old the data itself
 * was. Answers `{name, tone, text}`; tone is ok, calm, warn or bad.
 */
export function describe({ link, view, now, delay = null, lag = null }) {
  const made = ofLink(link, view, now) ?? ofSource(view, now);
  if (made) return made;
  if (lag > DELAYED_MS.least && lag < DELAYED_MS.most) return say("live", "warn", `DELAYED ${duration(lag)}`);
  if (view.items.size === 0) return say("empty", "ok", "LIVE");
  return say("live", "ok", delay === null ? "LIVE" : `LIVE ${brief(delay)}`);
}

function ofLink(link, view, now) {
  const { state, reason } = link;
  if (state === "closed") return say("denied", "bad", `refused${reason ? `: ${reason}` : ""}`);
  if (state === "offline") return say("offline", "bad", "OFFLINE");
  if (state === "reconnecting") {
    const left = link.wait_ms === null ? 0 : link.at + link.wait_ms - now;
    return say("reconnecting", "warn", `reconnecting${left > 500 ? ` in ${duration(left)}` : ""}`);
  }
  return view?.cursor ? null : say("loading", "calm", state === "live" ? "loading" : "connecting");
}

function ofSource({ status, as_of: asOf }, now) {
  const why = status?.error?.message;
  const old = lapse(now - Date.parse(asOf ?? status?.since ?? now));
  const tail = why ? ` · ${why}` : "";
  const until = status?.next_poll ? ` until ${moment(status.next_poll, now)}` : "";
  return {
    stale: () => say("stale", "warn", `STALE ${old}${tail}`),
    failing: () => say("failing", "bad", `FAILING ${old}${tail}`),
    limited: () => say("limited", "warn", `LIMITED${until}${tail}`),
    waiting: () => say("waiting", "calm", `waiting for the first read${tail}`),
    paused: () => say("idle", "calm", "idle: read while it is watched"),
  }[status?.state]?.();
}

/** What stands in place of items where there are none. */
export function emptiness({ name, text }, channel) {
  if (name === "loading" || name === "live") return "";
  if (name === "empty") return `Nothing in ${channel} now. It appears here as soon as it comes.`;
  return name === "offline" ? "This device is offline." : text;
}

function say(name, tone, text) {
  return { name, tone, text };
}

function brief(ms) {
  return ms < 1_000 ? `${Math.round(ms)} ms` : duration(ms);
}
