// The three ways the console writes to the page. Text only: nothing here takes markup.

export function element(name, className = "") {
  return Object.assign(document.createElement(name), { className });
}

/** Sets a text where it is another one: an untouched node costs no layout and keeps a selection. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Gives `parent` exactly `count` children; `make(at)` makes those that are missing. */
export function fit(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove();
  while (parent.children.length < count) parent.append(make(parent.children.length));
}
