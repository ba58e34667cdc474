// Elements with their attributes and texts. Nothing here takes markup.

/** A new element; children are elements and texts. */
export function make(name, attributes = {}, ...children) {
  return dress(document.createElement(name), attributes, children);
}

/** The same, with a name for its looks, here and in `::part()`. */
export function part(called, name = "div", attributes = {}, ...children) {
  return make(name, { class: called, part: called, ...attributes }, ...children);
}

/** The same for SVG. */
export function draw(name, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A style sheet that a strict page policy does not mind. */
export function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}
