// How a channel stands, in one word, one tone and one line. Pure: the current time is given.

import { duration } from "../format.js";
import { lapse, moment } from "./text.js";

/**
 * `link` is the client's last state (`{state, wait_ms, reason, at}`, `at` in ms of the wall clock),
 * `view` the channel or null, `delay` the ms from the source to here, `missed` how many items changed while the
 * link was lost. Answers `{name, tone, text}`; tone is ok, calm, warn or bad.
 */
export function describe({ link, view, now, delay = null, missed = 0 }) {
  const [name, tone, text] = ofLink(link, view, now) ?? ofSource(view, now) ?? ofData(view, delay, missed);
  return { name, tone, text };
}

function ofLink({ state, reason, wait_ms, at }, view, now) {
  if (state === "closed") return ["denied", "bad", `refused${reason ? `: ${reason}` : ""}`];
  if (state === "offline") return [state, "bad", "OFFLINE"];
  if (state === "reconnecting") {
    const left = at + wait_ms - now;
    return [state, "warn", `reconnecting${left > 500 ? ` in ${duration(left)}` : ""}`];
  }
  return view?.cursor ? null : ["loading", "calm", state === "live" ? "loading" : "connecting"];
}

function ofSource({ status, as_of }, now) {
  const { state, error, since, next_poll } = status ?? {};
  const old = lapse(now - Date.parse(as_of ?? since));
  const tail = error?.message ? ` · ${error.message}` : "";
  const until = next_poll ? ` until ${moment(next_poll, now)}` : "";
  return {
    stale: [state, "warn", `STALE ${old}${tail}`],
    failing: [state, "bad", `FAILING ${old}${tail}`],
    limited: [state, "warn", `LIMITED${until}${tail}`],
    waiting: [state, "calm", `waiting for the first read${tail}`],
    paused: ["idle", "calm", "idle: read while it is watched"],
  }[state];
}

function ofData({ items }, delay, missed) {
  const tail = missed ? ` · caught up on ${missed}` : "";
  if (items.size === 0) return ["empty", "ok", `LIVE${tail}`];
  const brief = delay < 1_000 ? `${Math.round(delay)} ms` : duration(delay);
  return ["live", "ok", `LIVE${delay === null ? "" : ` ${brief}`}${tail}`];
}

/** What stands in place of items where there are none. */
export function emptiness({ name, text }, channel) {
  if (name === "loading" || name === "live") return "";
  if (name === "empty") return `Nothing in ${channel} now. It appears here as soon as it comes.`;
  return name === "offline" ? "This device is offline." : text;
}
