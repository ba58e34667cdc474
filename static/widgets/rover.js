// Rows of which one can be reached with the tabulator, and the others from there.

import { reachOne } from "./lineup.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity, Enter: 0 };

/**
 * Answers what takes an event of a click or a key, and its target. It has `choose(row, event)` called for the
 * row that is clicked, or on which Enter is pressed, and keeps in `owner.active` the key of the row that can be
 * reached. `rows()` answers a Map of key → row, each with its `key` and `element`, in their order; `more` says
 * how far other keys lead.
 */
export function newRover(owner, rows, choose, more) {
  const steps = { ...STEPS, ...more };

  function act(row, step, event) {
    owner.active = row.key;
    reachOne(rows(), row.key);
    if (step) row.element.focus();
    else choose(row, event);
  }

  return (event, target) => {
    const all = [...rows().values()];
    if (event.type === "click") {
      const row = all.find(({ element }) => element.contains(target));
      return row && act(row, 0, event);
    }
    const at = all.findIndex(({ element }) => element === target);
    const step = steps[event.key];
    if (at < 0 || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(all[Math.min(Math.max(at + step, 0), all.length - 1)], step, event);
  };
}
