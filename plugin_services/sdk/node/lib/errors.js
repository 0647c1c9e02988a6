/** What the SDK throws on purpose. */

/** Root of the SDK's own errors. */
export class PlugwayError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = this.constructor.name;
  }
}

/** The definition of the plugin cannot hold. */
export class PluginMisdefined extends PlugwayError {}

/**
 * Throw it in `onCheck` or `onConfigure`: JSON Pointers to reasons for an operator. The pointer "" means the
 * settings as a whole. Secrets in a reason are masked.
 */
export class SettingsRefused extends PlugwayError {
  constructor(errors) {
    super(Object.entries(errors).map(([field, why]) => `${field || "(all)"}: ${why}`).join("; "));
    this.errors = errors;
  }
}

/** Settings were asked for before any were in force. */
export class NotConfigured extends PlugwayError {}

/** The call was asked for outside of one. */
export class NoCall extends PlugwayError {}

/** Nothing proves who calls; the message says why. Answer with 401. */
export class CallerUnproven extends PlugwayError {}

/** The volume is not there; the message says what to declare. */
export class VolumeUnavailable extends PlugwayError {}

/** The plugin was not granted this destination; the words say which. */
export class EgressRefused extends PlugwayError {
  code = "EACCES";
}

/** The head of a call breaks the contract. Never leaves the SDK. */
export class BadHead extends PlugwayError {}

/** The first or a later frame of Exchange breaks the contract. Never leaves the SDK. */
export class BadFrame extends PlugwayError {}

/** An answer that had begun cannot go on. Never leaves the SDK. */
export class AnswerBroken extends PlugwayError {}

/** The client has left. Never leaves the SDK. */
export class ClientGone extends PlugwayError {}
