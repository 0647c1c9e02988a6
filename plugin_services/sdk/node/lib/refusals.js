/** Errors as grpc-js sends them. */

import { Metadata, status } from "@grpc/grpc-js";

export function rpcError(code, details, metadata) {
  return Object.assign(new Error(details), { code, details, metadata });
}

/** Tells a gateway that the call never reached the app, so that it may go elsewhere safely. */
export function draining() {
  const metadata = new Metadata();
  metadata.set("plugway-refused", "draining");
  return rpcError(status.UNAVAILABLE, "draining: no new calls", metadata);
}
