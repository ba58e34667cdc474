// The token of this tab: a button at the top of every page, and the box behind it.

import { element, setText } from "./dom.js";
import { setToken, token } from "./server.js";

let box = null;
let wasAsked = false;

/** Puts the button at the end of the page's top. */
export function offerToken() {
  const button = element("button", "token");
  Object.assign(button, { type: "button", textContent: token() ? "Token in use" : "Token" });
  button.addEventListener("click", () => open(""));
  document.querySelector(".top").append(button);
}

/** Opens the box by itself, once: whoever closes it has the button. */
export function askForToken(why) {
  if (wasAsked || box?.open) return;
  wasAsked = true;
  open(why);
}

function open(why) {
  box ??= makeBox();
  setText(box.querySelector(".why"), why);
  box.querySelector(".forget").hidden = !token();
  box.showModal();
}

function makeBox() {
  const made = element("dialog");
  const form = element("form");
  const title = Object.assign(element("h2"), { id: "token-title", textContent: "Token" });
  const [why, note, buttons] = [element("p", "why"), element("p", "quiet"), element("p", "buttons")];
  why.setAttribute("role", "status");
  note.textContent = "It says which channels you may read. It is kept in this tab, and forgotten with it.";
  const input = Object.assign(element("input"), { type: "password", id: "token", autocomplete: "off", required: true });
  input.ariaLabel = "Token";
  const cancel = button("button", "Cancel", () => made.close());
  const forget = button("button", "Forget it", () => use(""));
  forget.className = "forget";
  buttons.append(button("submit", "Use it"), forget, cancel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(input.value.trim());
  });
  form.append(title, why, input, note, buttons);
  made.setAttribute("aria-labelledby", title.id);
  made.append(form);
  document.body.append(made);
  return made;
}

function button(type, textContent, act = () => {}) {
  const made = Object.assign(element("button"), { type, textContent });
  made.addEventListener("click", act);
  return made;
}

// All that is shown was asked for with the token before, and the address says what is shown.
function use(given) {
  setToken(given);
  location.reload();
}
