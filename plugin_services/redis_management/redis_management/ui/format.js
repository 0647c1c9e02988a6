// Words for what Redis has.

import { seconds } from "./kit/format.js";

export function ttl(milliseconds) {
  return milliseconds === null ? "no expiry" : seconds(milliseconds / 1000);
}

export const TYPES = {
  string: "String",
  hash: "Hash",
  list: "List",
  set: "Set",
  zset: "Sorted set",
  stream: "Stream",
};
