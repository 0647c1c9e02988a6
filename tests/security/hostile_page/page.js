// The page of a plugin that wants out. Each attack says "blocked", or what it got.

import * as bridge from "./bridge.js";
import * as scripts from "./scripts.js";
import * as ways from "./ways.js";

const attacks = { ...scripts, ...ways, ...bridge };

export function mount(root, host) {
  const title = document.createElement("h1");
  title.textContent = "at work";
  root.append(title);
  window.attack = (name, ...values) => attacks[name](host, ...values);
}
