// JSON Schemas as people read them, and examples made from them. No DOM here.

const DEEPEST = 6;

/** What a local reference of the document leads to; undefined where it leads nowhere. */
export function resolve(document, value) {
  for (let hops = 0; hops < 16 && value && typeof value.$ref === "string"; hops += 1) {
    value = value.$ref
      .replace(/^#\//, "")
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce((at, part) => (at && Object.hasOwn(at, part) ? at[part] : undefined), document);
  }
  return value;
}

/** A schema as an outline: one line a property, "?" after what may be left out. */
export function outline(document, schema, depth = 0, seen = []) {
  const name = schema?.$ref?.split("/").at(-1);
  const found = resolve(document, schema);
  if (found === undefined || found === true) return "anything";
  if (found === false) return "nothing";
  if (depth > DEEPEST || (name && seen.includes(name))) return name ?? "...";
  const inner = (one) => outline(document, one, depth + 1, name ? [...seen, name] : seen);
  if ("const" in found) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = found.anyOf ?? found.oneOf;
  if (choices) return choices.map(inner).join(" | ");
  if (found.allOf) return found.allOf.map(inner).join(" & ");
  if (found.properties) return object(found, inner, "  ".repeat(depth));
  if (found.items) return `[${inner(found.items)}]`;
  const type = Array.isArray(found.type) ? found.type.join(" | ") : found.type;
  if (type === "object" && found.additionalProperties) return `{ <name>: ${inner(found.additionalProperties)} }`;
  return [type ?? "anything", found.format ? `(${found.format})` : ""].filter(Boolean).join(" ");
}

function object(schema, inner, indent) {
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([key, value]) => {
    const text = value?.description ? `  // ${value.description.split("\n")[0]}` : "";
    return `${indent}  ${key}${required.has(key) ? "" : "?"}: ${inner(value)}${text}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

/** A value that the schema might take, from its own examples and defaults where it has any. */
export function sample(document, schema, depth = 0) {
  const found = resolve(document, schema);
  if (!found || found === true || depth > DEEPEST) return null;
  if (found.examples?.length) return found.examples[0];
  for (const key of ["example", "default", "const"]) if (key in found) return found[key];
  if (found.enum) return found.enum[0];
  const first = (found.anyOf ?? found.oneOf ?? found.allOf)?.[0];
  if (first) return sample(document, first, depth + 1);
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "object" || found.properties) {
    const required = found.required ?? [];
    return Object.fromEntries(required.map((key) => [key, sample(document, found.properties?.[key], depth + 1)]));
  }
  if (type === "array") return [];
  return { string: "", integer: 0, number: 0, boolean: false }[type] ?? null;
}
