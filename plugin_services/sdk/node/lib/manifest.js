/** The answer to Describe, made from what the author said. */

import { CONTRACT_VERSIONS } from "./contract.js";
import { PluginMisdefined } from "./errors.js";

const ACCESS = { public: 1, user: 2, admin: 3 };
const UI_TYPE = { static: 1, react_component: 2 };

/** All but the negotiated version. Made once: it must not change while the process lives. */
export function description(plugin, instanceId) {
  const { openapi } = plugin.options;
  return {
    supported_contract_versions: CONTRACT_VERSIONS,
    manifest: { ...manifest(plugin.options), services: plugin.typed?.names ?? [] },
    openapi_json: openapi ? Buffer.from(JSON.stringify(openapi)) : Buffer.alloc(0),
    descriptor_set: plugin.typed?.descriptors ?? Buffer.alloc(0),
    instance_id: instanceId,
  };
}

/** 0 where there is none. */
export function highestCommon(offered) {
  return Math.max(0, ...CONTRACT_VERSIONS.filter((version) => offered.includes(version)));
}

function manifest(options) {
  const found = {
    id: options.id,
    version: options.version,
    name: options.name,
    description: options.description,
    permissions: options.permissions,
    routes: options.routes.map(route),
    data_policy: {
      one_way_migration: options.dataPolicy.oneWayMigration ?? false,
      explanation: options.dataPolicy.explanation ?? "",
    },
  };
  if (options.limits) found.suggested_limits = limits(options.limits);
  if (options.ui) {
    found.ui = { type: UI_TYPE[options.uiType], entry: options.uiEntry, styles: options.uiStyles };
  }
  if (options.settings) {
    found.settings = {
      json_schema: JSON.stringify(options.settings),
      version: options.settingsVersion,
      reads_from: options.settingsReadsFrom,
      restart_required: options.restartOnSettingsChange,
    };
  }
  return found;
}

function route({ pathPrefix, methods = [], access = "user" }) {
  if (!(access in ACCESS)) throw new PluginMisdefined(`the access '${access}' is not public, user or admin`);
  return { path_prefix: pathPrefix, methods: upper(methods), access: ACCESS[access] };
}

function limits({ rate: all, concurrent = 0, userRate, userConcurrent = 0, routes = [] }) {
  return {
    rate: rate(all),
    concurrent,
    user_rate: rate(userRate),
    user_concurrent: userConcurrent,
    routes: routes.map((one) => ({
      path: one.path,
      methods: upper(one.methods ?? []),
      rate: rate(one.rate),
      concurrent: one.concurrent ?? 0,
    })),
  };
}

function rate(given) {
  return given && { per_second: given.perSecond, burst: given.burst ?? 0 };
}

function upper(methods) {
  return methods.map((method) => method.toUpperCase());
}
