// Rows in their places: in what order they stand, and which of them the tabulator reaches.

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

/** Of `rows`, a Map of key → row, lets the tabulator reach the one with this key, else the first. */
export function reachOne(rows, key) {
  const known = rows.get(key) ?? rows.values().next().value;
  for (const row of rows.values()) {
    const index = row === known ? 0 : -1;
    if (row.element.tabIndex !== index) row.element.tabIndex = index;
  }
}
