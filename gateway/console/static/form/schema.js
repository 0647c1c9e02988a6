// Reading JSON Schema (2020-12), as far as a form needs it.

/** The schema with references followed and one layer of "or null" taken off. */
export function resolve(schema, root) {
  let found = { ...schema };
  for (let depth = 0; depth < 20; depth += 1) {
    if (found.$ref) found = { ...at(root, found.$ref), ...omit(found, "$ref") };
    else if (found.allOf?.length === 1) found = { ...found.allOf[0], ...omit(found, "allOf") };
    else if (orNull(found)) found = { ...orNull(found), ...omit(found, "anyOf", "oneOf"), nullable: true };
    else break;
  }
  if (Array.isArray(found.type) && found.type.length === 2 && found.type.includes("null")) {
    found = { ...found, type: found.type.find((type) => type !== "null"), nullable: true };
  }
  return namesAsMap(found);
}

/** Entries of one kind under names that match one pattern, said in the other way. */
function namesAsMap(schema) {
  const patterns = Object.entries(schema.patternProperties ?? {});
  if (patterns.length !== 1 || schema.properties) return schema;
  const [pattern, entry] = patterns[0];
  return { ...omit(schema, "patternProperties"), additionalProperties: entry, propertyNames: { pattern, ...schema.propertyNames } };
}

function at(root, reference) {
  if (!reference.startsWith("#")) return {};
  const steps = reference.slice(1).split("/").slice(1).map(unescape_);
  return steps.reduce((place, step) => (Object.hasOwn(Object(place), step) ? place[step] : {}), root);
}

function orNull(schema) {
  const cases = schema.anyOf ?? schema.oneOf ?? [];
  const others = cases.filter((one) => one.type !== "null");
  return cases.length === 2 && others.length === 1 ? others[0] : null;
}

function omit(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function unescape_(step) {
  return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
}

export function pointer(parent, key) {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Which kind of field shows this (resolved) schema. */
export function kindOf(schema) {
  if (schema.writeOnly || schema.format === "password") return "secret";
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.type === "object" && schema.properties) return "object";
  if (schema.type === "object" && Object.keys(schema.additionalProperties ?? {}).length) return "map";
  if (schema.type === "array") return "list";
  if (["boolean", "integer", "number", "string"].includes(schema.type)) return schema.type;
  return "json";
}

/** "maxRetries" or "max_retries" as "Max retries". */
export function titleOf(schema, key) {
  if (schema.title) return schema.title;
  const words = String(key).replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll(/[_-]/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
