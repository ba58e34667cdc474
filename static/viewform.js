// The form in which one tries what a subscription may ask for: fields, keys, where, max_rate, link.

import { element, setText } from "./dom.js";

const NAMES = ["fields", "keys", "where", "max_rate", "transport"];
const CHIPS_MOST = 40;

export class ViewForm {
  #root; #form; #text; #chips; #onChoose;
  #known = new Map(); // channel → names of fields seen in it
  #name = "";

  /** `onChoose(query)` gets the chosen view as URLSearchParams. */
  constructor(root, onChoose) {
    this.#root = root;
    this.#form = root.querySelector("form");
    this.#text = root.querySelector("#view-text");
    this.#chips = root.querySelector("#field-chips");
    this.#onChoose = onChoose;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onChoose(this.#query());
    });
    this.#form.addEventListener("reset", (event) => {
      event.preventDefault();
      onChoose(new URLSearchParams());
    });
    this.#chips.addEventListener("click", ({ target }) => {
      if (target.dataset.field) this.#toggle(target.dataset.field);
    });
  }

  /** Another channel, or another view of it. */
  show(name, query) {
    this.#name = name;
    for (const field of NAMES) this.#form.elements[field].value = query.get(field) ?? "";
    const parts = NAMES.filter((field) => query.get(field)).map((field) => `${field}=${query.get(field)}`);
    setText(this.#text, parts.length ? parts.join(" · ") : "everything");
    this.#root.classList.toggle("is-partial", parts.length > 0);
    this.#paintChips();
  }

  /** Learns which fields there are from some items as they came. */
  learn(view) {
    if (!this.#known.has(this.#name)) this.#known.set(this.#name, new Set());
    const known = this.#known.get(this.#name);
    const before = known.size;
    let left = 20;
    for (const item of view.items.values()) {
      for (const field of Object.keys(item)) if (known.size < CHIPS_MOST) known.add(field);
      if (--left === 0) break;
    }
    if (known.size !== before) this.#paintChips();
  }

  #paintChips() {
    const chosen = new Set(split(this.#form.elements.fields.value));
    const chips = [...(this.#known.get(this.#name) ?? [])].map((field) => {
      const chip = element("button", "chip");
      Object.assign(chip, { type: "button", textContent: field, ariaPressed: String(chosen.has(field)) });
      chip.dataset.field = field;
      return chip;
    });
    this.#chips.replaceChildren(...chips);
  }

  #toggle(field) {
    const chosen = split(this.#form.elements.fields.value);
    const without = chosen.filter((name) => name !== field);
    if (without.length === chosen.length) without.push(field);
    this.#form.elements.fields.value = without.join(",");
    this.#onChoose(this.#query());
  }

  #query() {
    const values = new FormData(this.#form);
    const pairs = NAMES.map((name) => [name, values.get(name).trim()]).filter(([, value]) => value);
    return new URLSearchParams(pairs);
  }
}

function split(text) {
  return text.split(",").map((part) => part.trim()).filter(Boolean);
}
