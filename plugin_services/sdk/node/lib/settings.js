/** How settings come into force: judged whole, refused by field, taken wholly or not at all. */

import Ajv from "ajv/dist/2020.js";

import { trustedKeys } from "./callers.js";
import { SettingsRefused } from "./errors.js";
import { sdkLog } from "./logs.js";
import { logMask, Mask } from "./masking.js";

/** Answers Configure for one plugin. One at a time, in the order they came. */
export class SettingsKeeper {
  #plugin;
  #options;
  #validate;
  #last = "";
  #queue = Promise.resolve();

  constructor(plugin) {
    this.#plugin = plugin;
    this.#options = plugin.options;
    this.#validate = plugin.options.settings ? validator(plugin.options.settings) : null;
    if (!this.#validate) return;
    const usual = {};
    // Where every setting has a default, the plugin works before the first Configure.
    if (this.#validate(usual)) plugin.take(usual);
  }

  /** The plugin needs settings that nobody gave yet. */
  get missing() {
    return this.#validate !== null && !this.#plugin.configured;
  }

  configure(request) {
    if (!request.dry_run) trustedKeys.take(this.#options.id, request.release_id, request.call_keys);
    logMask.add(Object.values(request.secrets));
    const answer = this.#queue.then(() => this.#answer(request));
    this.#queue = answer;
    return answer;
  }

  async #answer(request) {
    const mask = new Mask(Object.values(request.secrets));
    let errors;
    try {
      return { accepted: true, restart_required: await this.#judge(request) };
    } catch (error) {
      // The author's code (migrate, onCheck, onConfigure): any failure is a refusal, and the old settings stay.
      if (!(error instanceof SettingsRefused)) sdkLog.error("the plugin failed on new settings", { error });
      errors = error instanceof SettingsRefused ? error.errors : { "": `the plugin could not take them: ${error}` };
    }
    const reasons = Object.entries(errors).map(([field, why]) => ({ field, message: mask.text(String(why)) }));
    return { accepted: false, errors: reasons };
  }

  /** Take them, or say that it needs a restart. Throws what the author's code throws. */
  async #judge(request) {
    const options = this.#options;
    const content = contentOf(request);
    if (content === this.#last && !request.dry_run) return false;
    const values = await this.#values(request);
    if (!this.#validate) {
      if (Object.keys(values).length) throw new SettingsRefused({ "": "this plugin has no settings" });
      return false;
    }
    if (!this.#validate(values)) throw new SettingsRefused(reasons(this.#validate.errors));
    await options.onCheck?.(values);
    const restart = options.restartOnSettingsChange && this.#last !== "" && content !== this.#last;
    if (request.dry_run || restart) return restart;
    await options.onConfigure?.(values);
    this.#plugin.take(values);
    this.#last = content;
    sdkLog.info(`settings of revision ${request.revision} are in force`);
    return false;
  }

  /** Settings and secrets together, in the form of this release. */
  async #values(request) {
    const { settingsVersion: newest, settingsReadsFrom: oldest, migrate } = this.#options;
    const values = parsed(request.settings_json || "{}");
    for (const [pointer, secret] of Object.entries(request.secrets)) put(values, pointer, secret);
    const version = request.schema_version || newest;
    if (version < oldest || version > newest) {
      const words = `saved with schema version ${version}; this release reads ${oldest} to ${newest}`;
      throw new SettingsRefused({ "": words });
    }
    return version < newest && migrate ? await migrate(values, version) : values;
  }
}

/** Strict modes are off: a schema also carries words for forms, and those are for others to judge. */
function validator(schema) {
  return new Ajv({ allErrors: true, strict: false, useDefaults: true, validateFormats: false }).compile(schema);
}

function contentOf(request) {
  const secrets = Object.entries(request.secrets).sort();
  return JSON.stringify([request.revision, request.schema_version, request.settings_json, secrets]);
}

function parsed(text) {
  let values;
  try {
    values = JSON.parse(text);
  } catch {
    throw new SettingsRefused({ "": "the settings are not JSON" });
  }
  if (values === null || typeof values !== "object" || Array.isArray(values)) {
    throw new SettingsRefused({ "": "the settings must be one JSON object" });
  }
  return values;
}

/** Set a value at an RFC 6901 pointer, making the objects on the way. Throws SettingsRefused. */
function put(values, pointer, value) {
  const way = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = way.pop();
  let node = values;
  for (const part of way) {
    if (!Object.hasOwn(node, part) && !Array.isArray(node)) define(node, part, {});
    node = Object.hasOwn(node, part) ? node[part] : null;
    if (node === null || typeof node !== "object") break;
  }
  const holds = node !== null && typeof node === "object" && last !== undefined;
  if (!holds || (Array.isArray(node) && !Object.hasOwn(node, last))) {
    throw new SettingsRefused({ [pointer]: "there is no place for this secret" });
  }
  define(node, last, value);
}

/** Not by assignment: a name such as __proto__ is a name like others. */
function define(node, name, value) {
  Object.defineProperty(node, name, { value, writable: true, enumerable: true, configurable: true });
}

function reasons(errors) {
  const found = {};
  for (const error of errors) {
    const name = error.params.missingProperty ?? error.params.additionalProperty ?? error.params.unevaluatedProperty;
    const field = name === undefined ? "" : `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const words = { required: "is missing", additionalProperties: "unknown setting", unevaluatedProperties: "unknown setting" };
    found[error.instancePath + field] ??= words[error.keyword] ?? error.message ?? "does not hold";
  }
  return found;
}
