// A dashboard from a file, or from JSON that is put in.

import { root, textInput } from "./common.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { choice, field } from "./kit/parts.js";

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
}

export async function importDialog(page, folder) {
  const file = h("input", { class: "input", type: "file", accept: ".json,application/json" });
  const text = h("textarea", { class: "input code", rows: 8, spellcheck: "false" });
  const overwrite = h("input", { type: "checkbox" });
  const message = textInput("", { maxlength: 500 });
  const inputs = h("div", { class: "dialog-body" });
  const chosen = {};
  file.addEventListener("change", async () => {
    if (!file.files[0]) return;
    text.value = await file.files[0].text();
    ask();
  });
  text.addEventListener("change", () => ask());
  const ask = () => askInputs(page, text.value, inputs, chosen);
  const made = await formDialog(root(page), {
    title: "Import a dashboard",
    accept: "Import",
    wide: true,
    body: [
      field("File", file),
      field("Or its JSON", text, "As Grafana exports it."),
      inputs,
      field("What for", message, "For the list of versions."),
      h("label", { class: "check" }, overwrite, "Replace a dashboard of the same identity"),
    ],
    submit: async () => {
      const dashboard = parsed(text.value);
      await ask();
      return page.api.post("/dashboards/import", {}, { dashboard, folder: folder ?? "", inputs: { ...chosen }, overwrite: overwrite.checked, message: message.value });
    },
  });
  if (made) page.done("Imported the dashboard.");
  return made;
}

/** Fields for what the file leaves open. */
async function askInputs(page, text, place, chosen) {
  let wanted;
  try {
    wanted = (parsed(text).__inputs ?? []).filter(({ name }) => name);
  } catch {
    wanted = [];
  }
  const names = JSON.stringify(wanted);
  if (place.names === names) return;
  place.names = names;
  for (const name of Object.keys(chosen)) delete chosen[name];
  const sources = wanted.some(({ type }) => type === "datasource") ? (await page.api.get("/data-sources", { limit: 500 })).dataSources : [];
  fill(place, wanted.map(({ name, label, type, pluginId, value }) => {
    const fitting = sources.filter((one) => !pluginId || one.type === pluginId);
    if (type === "datasource") {
      chosen[name] = fitting[0]?.uid ?? "";
      const select = choice(Object.fromEntries(fitting.map((one) => [one.uid, one.name])), chosen[name], (uid) => (chosen[name] = uid));
      return field(label || name, select, fitting.length ? `A data source of the type ${pluginId}.` : `There is no data source of the type ${pluginId}.`);
    }
    chosen[name] = value ?? "";
    return field(label || name, textInput(chosen[name], { oninput: (event) => (chosen[name] = event.target.value) }));
  }));
}
