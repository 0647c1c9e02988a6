// A dialog that installs a whole definition; it stays open while that is refused.

import { button, h } from "../dom.js";
import { callout } from "../ui.js";
import { installDefinition } from "./install.js";

const EXAMPLE = { id: "my-plugin", source: "remote", sourceUrl: "grpc://host:port" };

export function installOwn() {
  const field = h("textarea.input", { id: "definition", rows: 9, spellcheck: "false", value: JSON.stringify(EXAMPLE, null, 2) });
  const refused = h("div");
  const submit = button("Install", { kind: "primary", type: "submit" });
  const cancel = button("Cancel", { onclick: () => dialog.close() });
  const label = h("label", { for: "definition" }, "Plugin definition (JSON)");
  const form = h("form", { onsubmit: send }, h("h2", { id: "own-title" }, "Install from a definition"), h("div.field", label, field), refused, h("div.actions", cancel, submit));
  const dialog = h("dialog.wide", { "aria-labelledby": "own-title", onclose: () => dialog.remove() }, form);

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      if (await installDefinition(JSON.parse(field.value))) dialog.close();
    } catch (error) {
      const lines = [...(error.fields ?? [])].map(([path, message]) => `${path || "definition"}: ${message}`);
      const title = error instanceof SyntaxError ? "This is not valid JSON" : "Not installed";
      refused.replaceChildren(callout("danger", "alert", title, [error.message, ...lines, error.hint].filter(Boolean).join("\n")));
    } finally {
      submit.disabled = false;
    }
  }

  document.body.append(dialog);
  dialog.showModal();
}
