// What calls to this plugin say beyond their path.

/** Query of a key by name, as bytes. */
export function keyQuery(name) {
  return name.encoding === "utf-8" ? { key: name.data } : { key: name.data, keyEncoding: name.encoding };
}
