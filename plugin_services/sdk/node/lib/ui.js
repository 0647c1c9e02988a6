/** The UI bundle as a stream of files. */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const CHUNK = 256 * 1024;

/** The messages of GetUi: for each file its start, then its bytes. Hidden files are left out. */
export async function* bundle(root, prefix = "") {
  const entries = await readdir(root, { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const place = join(root, entry.name);
    if (entry.isDirectory()) yield* bundle(place, `${prefix}${entry.name}/`);
    else if (entry.isFile()) yield* file(prefix + entry.name, await readFile(place));
  }
}

function* file(path, content) {
  yield { file: { path, size: content.length, sha256: createHash("sha256").update(content).digest() } };
  for (let at = 0; at < content.length; at += CHUNK) yield { chunk: content.subarray(at, at + CHUNK) };
}
