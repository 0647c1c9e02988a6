// The alarm's sound: an upload of any length, streamed to the volume; aside first, so that half of one never counts.
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { randomUUID } from "node:crypto";

import { volume } from "plugway-sdk";

const file = () => join(volume("data"), "sound");

export async function storeSound(request, response) {
  const aside = `${file()}.${randomUUID()}`;
  try {
    await pipeline(request, createWriteStream(aside));
    await synced(aside);
    await rename(aside, file());
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  response.writeHead(204).end();
}

export async function sendSound(request, response) {
  const size = await stat(file()).then((found) => found.size, () => null);
  if (size === null) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  await pipeline(createReadStream(file()), response);
}

/** What is acknowledged is on disk. */
async function synced(path) {
  const handle = await open(path);
  await handle.sync();
  await handle.close();
}
