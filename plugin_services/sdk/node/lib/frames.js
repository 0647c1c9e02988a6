/** Small parts of what every streaming method does. */

import { ClientGone } from "./errors.js";

/** Resolves when the message is on its way, at the reader's pace. Rejects with ClientGone. */
export function write(call, message) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGone("the client has gone"));
    if (call.cancelled || call.destroyed) {
      gone();
      return;
    }
    call.once("cancelled", gone);
    call.write(message, (error) => {
      call.off("cancelled", gone);
      if (error) gone();
      else resolve();
    });
  });
}

/** End a streaming method with a status. */
export function fail(call, code, details, metadata) {
  if (!call.cancelled && !call.destroyed) call.emit("error", { code, details, metadata });
}
