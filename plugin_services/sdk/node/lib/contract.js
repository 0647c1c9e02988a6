/** The contract's messages and service, from the proto files (`make proto` copies them here). */

import { fileURLToPath } from "node:url";

import { loadSync } from "@grpc/proto-loader";

/** For servers, clients and reflection: names as in the proto files, numbers for enums and 64-bit integers. */
export const contract = loadSync("plugway/plugin/v1/plugin.proto", {
  includeDirs: [fileURLToPath(new URL("../proto", import.meta.url))],
  keepCase: true,
  longs: Number,
  enums: Number,
  defaults: true,
  oneofs: true,
});

export const PluginService = contract["plugway.plugin.v1.PluginService"];

export const CONTRACT_VERSIONS = [1];
