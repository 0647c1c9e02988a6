/** What a plugin author imports; README.md shows how. */

export { caller } from "./callers.js";
export { callOf, volume } from "./context.js";
export * as egress from "./egress.js";
export {
  CallerUnproven,
  EgressRefused,
  NoCall,
  NotConfigured,
  PluginMisdefined,
  PlugwayError,
  SettingsRefused,
  VolumeUnavailable,
} from "./errors.js";
export { log, Logger } from "./logs.js";
export { Plugin } from "./plugin.js";
export { serve } from "./serve.js";
