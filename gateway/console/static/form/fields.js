// One field for each kind of schema. A field is {node, control, value(), problem()}: value() is undefined
// where nothing is to be sent, problem() is a sentence where the input cannot hold.

import { button, h, icon } from "../dom.js";

const INPUT_TYPES = { email: "email", uri: "url", date: "date", time: "time" };

function textInput(schema, given) {
  const roomy = schema.maxLength > 2000 && !schema.format && !schema.pattern;
  const long = roomy || schema.format === "textarea" || String(given).includes("\n");
  const attributes = { minlength: schema.minLength, maxlength: schema.maxLength, value: given ?? "", autocomplete: "off", spellcheck: "false" };
  if (long) return h("textarea.input", attributes);
  return h("input.input", { type: INPUT_TYPES[schema.format] ?? "text", pattern: schema.pattern && `.*(?:${schema.pattern}).*`, ...attributes });
}

export function stringField(schema, given, { required }) {
  const control = textInput(schema, given);
  if (required && schema.minLength > 0) control.required = true;
  return {
    node: control,
    control,
    problem: () => validity(control),
    value() {
      if (control.value !== "") return control.value;
      if (schema.nullable) return null;
      return required || given !== undefined ? "" : undefined;
    },
  };
}

export function numberField(schema, given, { required }) {
  const whole = schema.type === "integer";
  const step = schema.multipleOf ?? (whole ? 1 : "any");
  const range = { min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum };
  const control = h("input.input", { type: "number", inputmode: whole ? "numeric" : "decimal", step, ...range, value: given ?? "" });
  control.required = required && !schema.nullable;
  return {
    node: control,
    control,
    problem: () => validity(control),
    value: () => (control.value === "" ? (schema.nullable ? null : undefined) : Number(control.value)),
  };
}

export function booleanField(schema, given, { label }) {
  const control = h("input", { type: "checkbox", checked: given === true });
  return { node: h("label.check", control, h("span", label)), control, ownLabel: true, problem: () => "", value: () => control.checked };
}

export function choiceField(schema, given, { required }) {
  const choices = schema.enum ?? [schema.const];
  const options = choices.map((choice, index) => h("option", { value: index, selected: choice === given }, String(choice ?? "none")));
  const open = schema.nullable || (!required && given === undefined) || (required && given === undefined);
  if (open) options.unshift(h("option", { value: "", selected: given === undefined || given === null }, "–"));
  const control = h("select.input", options);
  control.required = required && !schema.nullable;
  return {
    node: control,
    control,
    problem: () => validity(control),
    value: () => (control.value === "" ? (schema.nullable ? null : undefined) : choices[Number(control.value)]),
  };
}

/** Write-only: a secret is never shown; it is kept, replaced, or removed. */
export function secretField(schema, isSet, { required }) {
  const control = h("input.input", { type: "password", autocomplete: "new-password", spellcheck: "false" });
  const node = h("div.secret");
  let what = isSet ? "keep" : "replace";
  const keep = button("Keep the old one", { kind: "quiet", onclick: () => change("keep") });
  const replace = button("Replace", { onclick: () => change("replace") });
  const remove = button("Remove", { kind: "quiet", onclick: () => change("remove") });
  const kept = h("span.kept", icon("lock"), "Set, and not shown");
  const removed = h("span.kept", icon("bin"), "Removed once you save");
  const shown = {
    keep: [kept, replace, !required && remove],
    replace: [control, isSet && keep],
    remove: [removed, keep],
  };

  function change(to) {
    what = to;
    control.value = "";
    show();
    ({ keep: replace, replace: control, remove: keep })[to].focus();
    node.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function show() {
    control.required = what === "replace" && (required || isSet);
    node.replaceChildren(...shown[what].filter(Boolean));
  }
  function value() {
    // The API forgets what is null, and keeps what is left out.
    if (what === "remove") return null;
    return what === "replace" && control.value ? control.value : undefined;
  }
  show();
  return { node, control, problem: () => (what === "replace" ? validity(control) : ""), value };
}

/** Texts or numbers, one a line of its own; other items are edited as JSON (see jsonField). */
export function listField(schema, item, given, { label }) {
  const list = h("div.list-items");
  const add = button("Add", { symbol: "plus", onclick: () => append("").focus() });
  const numeric = item.type === "integer" || item.type === "number";

  function append(value) {
    const position = list.children.length + 1;
    const input = h("input.input", { type: numeric ? "number" : "text", step: item.type === "integer" ? 1 : "any", value, "aria-label": `${label}, entry ${position}`, autocomplete: "off" });
    const row = h("div.list-item", input, button("Remove", { symbol: "close", only: true, kind: "quiet", onclick: remove }));
    function remove() {
      row.remove();
      add.focus();
      add.dispatchEvent(new Event("input", { bubbles: true }));
    }
    list.append(row);
    return input;
  }

  for (const value of given ?? []) append(value);
  const inputs = () => [...list.querySelectorAll("input")];
  const used = () => inputs().map((input) => input.value).filter((value) => value !== "");
  return {
    node: h("div.list-items", { role: "group" }, list, h("div", add)),
    control: add,
    several: true,
    problem() {
      const count = used().length;
      if (count < (schema.minItems ?? 0)) return `At least ${schema.minItems} needed.`;
      return count > (schema.maxItems ?? Infinity) ? `At most ${schema.maxItems} allowed.` : "";
    },
    value: () => used().map((value) => (numeric ? Number(value) : value)),
  };
}

/** Anything else, as JSON. */
export function jsonField(schema, given) {
  const control = h("textarea.input", { value: given === undefined ? "" : JSON.stringify(given, null, 2), spellcheck: "false" });
  const parse = () => (control.value.trim() === "" ? undefined : JSON.parse(control.value));
  return {
    node: control,
    control,
    value: parse,
    problem() {
      try {
        parse();
        return "";
      } catch (error) {
        return `Not valid JSON: ${error.message}`;
      }
    },
  };
}

function validity(control) {
  if (control.validity.valid) return "";
  if (control.validity.valueMissing) return "This is needed.";
  return control.validationMessage;
}
