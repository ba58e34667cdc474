// What happens to the page that matters to a link.

const HIDDEN_MS = 60_000; // a page hidden for so long lets its link go

/**
 * Until `signal` is aborted calls `hide`, `show` (after each look at the page, often for nothing),
 * `online` and `offline`. Without a page there is nothing to watch.
 */
export function watchPage(signal, { hide, show, online, offline }) {
  let timer;
  const on = (type, act) => globalThis.addEventListener?.(type, act, { signal });
  const look = () => {
    clearTimeout(timer);
    if (globalThis.document?.visibilityState !== "hidden") show();
    else timer = setTimeout(() => signal.aborted || hide(), HIDDEN_MS);
  };
  on("visibilitychange", look);
  on("pageshow", look);
  // An open link would keep the page out of the back/forward cache.
  on("pagehide", hide);
  on("online", online);
  on("offline", offline);
  look();
}
