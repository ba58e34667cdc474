// How long a client waits until it tries again, by what it has waited since its link was lost.

const FIRST_MS = 500, PATIENT_MS = 2_000; // within the latter a restarted server is found again
const LONGEST_MS = 20_000;
const LONGEST_HINT_MS = 3_600_000;

/** In ms; `hint` is what the server asked for, if anything, and comes before the time that is drawn. */
export function waitAfter(waited, hint, offline) {
  // Still tried without a network, though rarely: the server may be on this machine.
  if (offline && waited) return LONGEST_MS;
  const most = Math.min(LONGEST_MS, Math.max(Math.min(PATIENT_MS, FIRST_MS + waited), waited / 2));
  return Math.min(hint || 0, LONGEST_HINT_MS) + Math.random() * most;
}
