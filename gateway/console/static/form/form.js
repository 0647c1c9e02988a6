// A form from a JSON Schema: builds the fields, gathers the values, shows what is wrong where.

import { button, h } from "../dom.js";
import { booleanField, choiceField, jsonField, listField, numberField, secretField, stringField } from "./fields.js";
import { kindOf, pointer, resolve, titleOf } from "./schema.js";

let lastId = 0;

/** {node, values(), check(), show(errors)}: check() and show() return whether all is well. */
export function createForm(schema, values, secretsSet) {
  const context = { root: schema, secrets: new Set(secretsSet), fields: new Map() };
  const top = objectField(context, resolve(schema, schema), values ?? {}, "");
  const node = h("div.form", top.nodes);

  function show(errors) {
    const strangers = [];
    for (const field of context.fields.values()) field.say("");
    for (const [path, message] of errors) {
      const field = nearest(context.fields, path);
      if (field) field.say(message);
      else strangers.push(message);
    }
    node.querySelector("[aria-invalid=true]")?.focus();
    return strangers;
  }

  return {
    node,
    show,
    values: top.value,
    check() {
      const found = [...context.fields].map(([path, field]) => [path, field.problem()]).filter(([, message]) => message);
      show(new Map(found));
      return found.length === 0;
    },
  };
}

/** The field of a pointer, or of the part around it (an entry of a list, for one). */
function nearest(fields, path) {
  for (let at = path; at; at = at.slice(0, at.lastIndexOf("/"))) {
    if (fields.has(at)) return fields.get(at);
  }
  return null;
}

function objectField(context, schema, given, path) {
  const needed = new Set(schema.required ?? []);
  const parts = Object.entries(schema.properties ?? {}).map(([key, raw]) => {
    const part = resolve(raw, context.root);
    const value = Object.hasOwn(given, key) ? given[key] : part.default;
    const known = { key, path: pointer(path, key), required: needed.has(key), label: titleOf(part, key) };
    return [key, partOf(context, part, value, known)];
  });
  return {
    nodes: parts.map(([, part]) => part.node),
    value: () => Object.fromEntries(parts.map(([key, part]) => [key, part.value()]).filter(([, value]) => value !== undefined)),
  };
}

function partOf(context, schema, given, known) {
  const kind = kindOf(schema);
  if (kind === "object") return group(context, schema, given ?? {}, known);
  // Of anything but objects, a text of JSON is easier to read than a form.
  const entry = kind === "map" && resolve(schema.additionalProperties, context.root);
  if (entry && kindOf(entry) === "object") return mapField(context, schema, entry, given ?? {}, known);
  return leaf(context, schema, given, known);
}

/** Objects of one kind by names that the operator chooses; a name stays with its entry, as secrets go by it. */
function mapField(context, schema, entry, given, { path, label }) {
  const entries = new Map();
  const list = h("div.map-entries");
  const name = h("input.input", { "aria-label": `Name of a further entry of ${label}`, placeholder: "Name", maxlength: 63, autocomplete: "off", spellcheck: "false" });
  const add = button("Add", { symbol: "plus", onclick: () => addNamed() });
  const error = h("p.error", { hidden: true });
  const names = resolve(schema.propertyNames ?? {}, context.root);

  function say(message) {
    error.textContent = message;
    error.hidden = !message;
  }

  function addNamed() {
    const key = name.value.trim();
    if (!key) say("Give it a name first.");
    else if (entries.has(key)) say(`There is a ${key} already.`);
    else if (names.pattern && !new RegExp(names.pattern, "u").test(key)) say(names.description ?? `A name must match ${names.pattern}.`);
    else {
      say("");
      name.value = "";
      append(key, {});
      list.lastChild.querySelector("input, select, textarea")?.focus();
      node.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  function append(key, value) {
    const below = pointer(path, key);
    const inner = objectField(context, entry, value, below);
    const remove = button(`Remove ${key}`, { symbol: "close", kind: "quiet", onclick: drop });
    const block = h("fieldset", h("legend", key), inner.nodes, h("div", remove));
    function drop() {
      entries.delete(key);
      for (const at of context.fields.keys()) if (at === below || at.startsWith(`${below}/`)) context.fields.delete(at);
      block.remove();
      node.dispatchEvent(new Event("input", { bubbles: true }));
      name.focus();
    }
    entries.set(key, inner);
    list.append(block);
  }

  for (const [key, value] of Object.entries(given)) append(key, value ?? {});
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // It would send the whole form.
    event.preventDefault();
    addNamed();
  });
  // A name that was typed and not added is no setting.
  name.addEventListener("input", (event) => event.stopPropagation());
  const help = schema.description && h("p.help.muted.small", schema.description);
  const node = h("fieldset.map", h("legend", label), help, list, error, h("div.map-add", name, add));
  context.fields.set(path, { problem: () => (name.value.trim() ? `Press Add to take ${name.value.trim()} in, or clear the name.` : ""), say });
  return { node, value: () => Object.fromEntries([...entries].map(([key, inner]) => [key, inner.value()])) };
}

function group(context, schema, given, { path, label }) {
  const inner = objectField(context, schema, given, path);
  const help = schema.description && h("p.help.muted.small", schema.description);
  return { node: h("fieldset", h("legend", label), help, inner.nodes), value: inner.value };
}

function leaf(context, schema, given, known) {
  const field = build(context, schema, given, known);
  const id = `field-${++lastId}`;
  const error = h("p.error", { id: `${id}-error`, hidden: true });
  const help = schema.description && h("p.help", { id: `${id}-help` }, schema.description);
  field.control.id = id;
  const optional = !known.required && schema.default === undefined && h("span.muted.small", " optional");
  field.control.setAttribute("aria-describedby", [help && `${id}-help`, `${id}-error`].filter(Boolean).join(" "));
  const label = labelOf(field, id, [known.label, optional]);
  const node = h("div.field", { data: { field: known.path } }, label, field.node, help, error);
  context.fields.set(known.path, {
    problem: field.problem,
    say(message) {
      error.textContent = message;
      error.hidden = !message;
      if (message) field.control.setAttribute("aria-invalid", "true");
      else field.control.removeAttribute("aria-invalid");
    },
  });
  return { node, value: field.value };
}

function labelOf(field, id, words) {
  if (field.ownLabel) return null;
  if (!field.several) return h("label", { for: id }, words);
  // A label would become the name of the one button it can point to.
  field.node.setAttribute("aria-labelledby", `${id}-label`);
  return h("span.label", { id: `${id}-label` }, words);
}

function build(context, schema, given, known) {
  switch (kindOf(schema)) {
    case "secret":
      return secretField(schema, context.secrets.has(known.path), known);
    case "choice":
      return choiceField(schema, given, known);
    case "boolean":
      return booleanField(schema, given, known);
    case "integer":
    case "number":
      return numberField(schema, given, known);
    case "string":
      return stringField(schema, given, known);
    case "list": {
      const item = resolve(schema.items ?? {}, context.root);
      const simple = ["string", "integer", "number"].includes(item.type) && kindOf(item) !== "secret";
      return simple ? listField(schema, item, given, known) : jsonField(schema, given);
    }
    default:
      return jsonField(schema, given);
  }
}
