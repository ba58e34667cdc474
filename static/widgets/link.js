// Links that lead out of the page, to where the data says.

import { make, sheet } from "./make.js";

export const linkLook = sheet(`
a{color:inherit}
a:not(:hover){text-decoration:none}
`);

/** A link that leads nowhere yet. */
export function newLink(attributes, ...children) {
  return make("a", { rel: "noopener noreferrer nofollow", target: "_blank", ...attributes }, ...children);
}

/** Lets it lead to `url`; null: nowhere. */
export function aim(link, url) {
  if (url) link.href = url;
  else link.removeAttribute("href");
}
