// One item in full: every field, as it is now. Stands beside the table.

import { element, fit, setText } from "./dom.js";
import { fullText, isLink } from "./format.js";

export class ItemPane {
  #root; #title; #list; #onLeave;
  #key = null;

  /** `onLeave()` is called when a reader has closed it, who may have been in it and must not be lost. */
  constructor(root, onLeave) {
    this.#root = root;
    this.#onLeave = onLeave;
    this.#title = root.querySelector("h3");
    this.#list = root.querySelector("dl");
    root.querySelector("button").addEventListener("click", () => this.#leave());
    root.parentElement.addEventListener("keydown", ({ key, defaultPrevented }) => {
      if (key === "Escape" && !defaultPrevented && this.#key !== null) this.#leave();
    });
  }

  close() {
    this.#key = null;
    this.#root.hidden = true;
  }

  #leave() {
    this.close();
    this.#onLeave();
  }

  /** Shows this item; the same one again hides it. */
  choose({ key, item }) {
    if (key === this.#key) return this.close();
    this.#key = key;
    this.#root.hidden = false;
    this.#root.classList.remove("is-gone");
    setText(this.#title, String(key));
    this.#paint(item ?? {});
  }

  /** The channel is another; an item that is gone keeps its last fields, struck through. */
  update(view) {
    if (this.#key === null) return;
    const item = view.items.get(this.#key);
    this.#root.classList.toggle("is-gone", item === undefined);
    if (item) this.#paint(item);
  }

  #paint(item) {
    const fields = Object.entries(item);
    fit(this.#list, fields.length * 2, (at) => element(at % 2 ? "dd" : "dt"));
    fields.forEach(([field, value], at) => {
      setText(this.#list.children[at * 2], field);
      const place = this.#list.children[at * 2 + 1];
      if (!isLink(value)) return setText(place, fullText(value));
      if (place.firstChild?.href === value && place.textContent === value) return;
      const link = element("a");
      Object.assign(link, { href: value, rel: "noopener noreferrer nofollow", target: "_blank" });
      link.textContent = value;
      place.replaceChildren(link);
    });
  }
}
