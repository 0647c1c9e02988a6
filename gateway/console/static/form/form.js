// A form from a JSON Schema: builds the fields, gathers the values, shows what is wrong where.

import { h } from "../dom.js";
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
    return [key, kindOf(part) === "object" ? group(context, part, value ?? {}, known) : leaf(context, part, value, known)];
  });
  return {
    nodes: parts.map(([, part]) => part.node),
    value: () => Object.fromEntries(parts.map(([key, part]) => [key, part.value()]).filter(([, value]) => value !== undefined)),
  };
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
