/** serve(): the process of a plugin, from its start to SIGTERM. */

import { logAsJson, sdkLog } from "./logs.js";
import { PluginServer } from "./server.js";
import { timing } from "./timing.js";

/**
 * Serve until SIGTERM, then drain and exit with status 0; with status 1 where it cannot start.
 *
 * Reads PLUGWAY_LISTEN, PLUGWAY_TLS, PLUGWAY_INSTANCE and PLUGWAY_LOG_LEVEL; without them it listens on a socket in
 * the working directory.
 */
export async function serve(plugin) {
  const { id, version } = plugin.options;
  const environment = process.env;
  const instanceId = environment.PLUGWAY_INSTANCE ?? "";
  const listen = environment.PLUGWAY_LISTEN || `unix:./.plugway-${id}.sock`;
  logAsJson(environment.PLUGWAY_LOG_LEVEL ?? "info");
  const told = new Promise((stop) => {
    process.on("SIGTERM", stop);
    // Ctrl-C in a terminal reaches the whole group; the gateway decides when its plugins end.
    process.on("SIGINT", instanceId ? () => {} : stop);
  });
  try {
    const server = new PluginServer(plugin, listen, { tls: environment.PLUGWAY_TLS, instanceId });
    const address = await server.start();
    sdkLog.info(`${id} ${version} serves on ${address}`);
    if (!environment.PLUGWAY_LISTEN) {
      sdkLog.info(`no gateway started this; attach it with sourceUrl ${address.replace(":", "://")}`);
    }
    await told;
    sdkLog.info("stopping");
    await server.stop(timing.drainOnSignal);
  } catch (error) {
    sdkLog.critical(`${id} ${version} ends: ${error.message}`, { error });
    process.exit(1);
  }
  process.exit(0);
}
