// Rows of which one can be reached with the tabulator, and the others from there.

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity, Enter: 0 };

/**
 * Has `choose(row, event)` called for the row that is clicked, or on which Enter is pressed. `rows()` answers a
 * Map of key → row, each with its `key` and `element`, in their order; `more` says how far other keys lead.
 * Answers `{active, settle()}`: the key of the row that can be reached, and what must be called when rows came,
 * went or changed places.
 */
export function newRover(node, rows, choose, more) {
  const steps = { ...STEPS, ...more };
  const rover = { active: null, settle };

  function settle() {
    const known = rows().get(rover.active) ?? rows().values().next().value;
    for (const row of rows().values()) {
      const index = row === known ? 0 : -1;
      if (row.element.tabIndex !== index) row.element.tabIndex = index;
    }
  }

  function act(row, step, event) {
    rover.active = row.key;
    settle();
    if (step) row.element.focus();
    else choose(row, event);
  }

  node.addEventListener("click", (event) => {
    const row = [...rows().values()].find(({ element }) => element.contains(event.target));
    if (row) act(row, 0, event);
  });
  node.addEventListener("keydown", (event) => {
    const all = [...rows().values()];
    const at = all.findIndex(({ element }) => element === event.target);
    const step = steps[event.key];
    if (at < 0 || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(all[Math.min(Math.max(at + step, 0), all.length - 1)], step, event);
  });
  return rover;
}

/** Puts `rows` in this order into `parent`, and touches none that is in its place, nor any that goes. */
export function lineUp(parent, rows) {
  const focus = parent.getRootNode().activeElement;
  let at = parent.firstChild;
  for (const { element } of rows) {
    while (at?.classList.contains("gone")) at = at.nextSibling;
    if (at && element !== at && element === at.nextSibling) parent.append(at), (at = element);
    if (element === at) at = at.nextSibling;
    else parent.insertBefore(element, at);
  }
  if (parent.contains(focus)) focus.focus({ preventScroll: true });
}
