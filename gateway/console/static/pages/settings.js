// A plugin's settings, as a form made from its JSON Schema.

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { createForm } from "../form/form.js";
import { guard } from "../router.js";
import { ask, bones, busy, callout, complain, empty, toast } from "../ui.js";
import { pluginPage } from "./head.js";

const BROUGHT_IN =
  "A second instance starts with them, takes over once it is healthy, and gives way to the old settings where it fails.";

const EARLIER =
  "In force are settings in the form of an earlier release, which this one reads. They stay until you save here. " +
  "What has the same name and kind in both is filled in, and secrets among it stay unless you change them.";
const LEFT =
  "The plugin reads these until you save, and they are gone then. Enter above what is still to hold, in the words of this form.";

export function create({ id }) {
  return pluginPage({ id, tab: "settings", body: () => body(id) });
}

function body(id) {
  const panel = h("div.body", bones(6, "Loading the settings"));
  const above = h("div.stack");
  const node = h("div.page.narrow.stack", above, h("section.panel", panel));
  let form = null;
  let before = "";
  let waits = false; // Settings in an earlier form can be saved in this one as they are shown.

  const status = h("span.muted.small", { role: "status" });
  const discard = button("Discard", { kind: "quiet", onclick: load });
  const check = button("Check", { onclick: () => submit(check, true) });
  const save = button("Save", { kind: "primary", type: "submit" });

  async function load() {
    guard.ask = null;
    above.replaceChildren();
    try {
      show(await api.settings(id));
    } catch (error) {
      const again = button("Try again", { symbol: "turn", onclick: load });
      panel.replaceChildren(empty("alert", "The settings could not be loaded", error.message, [again]));
    }
  }

  function show({ schema, values, secretsSet, carried }) {
    if (!schema || !Object.keys(schema.properties ?? {}).length) {
      panel.replaceChildren(empty("gear", "No settings", "This plugin has nothing to set."));
      return;
    }
    waits = Boolean(carried);
    if (carried) above.replaceChildren(callout("info", "turn", "From an earlier release", EARLIER));
    form = createForm(schema, carried?.values ?? values, carried?.secretsSet ?? secretsSet);
    before = serialised();
    const bar = h("div.save-bar", status, discard, check, save);
    const element = h("form", { novalidate: true, oninput: changed, onchange: changed, onsubmit: saved }, form.node, leftOver(carried?.left ?? []), bar);
    panel.replaceChildren(element);
    changed();
  }

  function serialised() {
    try {
      return JSON.stringify(form.values());
    } catch {
      return "unfinished";
    }
  }

  function changed() {
    const dirty = serialised() !== before;
    status.textContent = dirty ? "Unsaved changes" : "";
    discard.disabled = !dirty;
    save.disabled = !dirty && !waits;
    guard.ask = dirty ? leave : null;
  }

  function saved(event) {
    event.preventDefault();
    submit(save, false);
  }

  async function submit(by, dryRun) {
    above.replaceChildren();
    if (!form.check()) return;
    // What is typed now would be lost when the saved settings are shown.
    panel.inert = true;
    panel.setAttribute("aria-busy", "true");
    await busy(by, async () => {
      try {
        const result = await api.configure(id, form.values(), dryRun);
        if (dryRun) return toast("These settings would be accepted.", "ok");
        await load();
        toast("Settings saved.", "ok");
        if (result?.rollout) above.replaceChildren(callout("info", "turn", "Saved", BROUGHT_IN));
      } catch (error) {
        if (error.status !== 422) throw error;
        panel.inert = false; // Nothing in it takes the focus before.
        const rest = form.show(error.fields);
        const words = [error.message, ...rest, error.hint].filter(Boolean).join(" ");
        above.replaceChildren(callout("danger", "alert", "Not accepted; the old settings stay in force", words));
      }
    });
    panel.inert = false;
    panel.removeAttribute("aria-busy");
    changed();
  }

  load().catch(complain);
  addEventListener("beforeunload", warn);
  return { node, leave: () => removeEventListener("beforeunload", warn) };
}

/** What stands in the earlier form and nowhere in this one, as text to copy from. */
function leftOver(left) {
  if (!left.length) return null;
  const name = ({ pointer }) => pointer.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(" › ");
  const text = ({ value, secret }) => {
    if (secret) return h("span.muted", "A secret, not shown: enter it where it belongs now.");
    return h("code", typeof value === "string" ? value : JSON.stringify(value, null, 2));
  };
  const rows = left.map((one) => h("div", h("dt", name(one)), h("dd", text(one))));
  return h("section.left-over", { "aria-labelledby": "left-over" }, h("h2", { id: "left-over" }, "Without a place in this form"), h("p.muted.small", LEFT), h("dl", rows));
}

function warn(event) {
  if (guard.ask) event.preventDefault();
}

async function leave() {
  const text = "The changes you made here are not saved.";
  return Boolean(await ask({ title: "Leave without saving?", text, accept: "Leave", danger: true }));
}
