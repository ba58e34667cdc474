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

/** A link to elsewhere; `aim` says where. */
export function newLink(attributes, ...children) {
  return make("a", { rel: "noopener noreferrer nofollow", target: "_blank", ...attributes }, ...children);
}

/** Lets a link lead to `url`; null: nowhere. */
export function aim(link, url) {
  if (url) link.href = url;
  else link.removeAttribute("href");
}

/** A style sheet that a strict page policy does not mind. */
export function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}
