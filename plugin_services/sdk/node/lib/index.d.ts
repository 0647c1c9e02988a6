import type http from "node:http";
import type https from "node:https";
import type net from "node:net";
import type { Registry } from "prom-client";

type Json = Record<string, unknown>;
type Awaitable<T> = T | Promise<T>;

export interface RouteRule {
  pathPrefix: string;
  /** All where there are none. */
  methods?: string[];
  access?: "public" | "user" | "admin";
}

export interface Rate {
  perSecond: number;
  burst?: number;
}

export interface Limits {
  rate?: Rate;
  concurrent?: number;
  userRate?: Rate;
  userConcurrent?: number;
  routes?: { path: string; methods?: string[]; rate?: Rate; concurrent?: number }[];
}

export interface TypedServices {
  /** A FileDescriptorSet with all imports, or the file that holds it. */
  descriptors: Buffer | string | URL;
  /** By the service's full name; methods in camel case, that take (request, call). */
  services: Record<string, object>;
}

/** See README.md for what each means. */
export interface PluginOptions<S extends object = Json> {
  id: string;
  version: string;
  name?: string;
  description?: string;
  handler?: (request: http.IncomingMessage, response: http.ServerResponse) => unknown;
  openapi?: Json | null;
  /** JSON Schema (2020-12) of one object; secrets carry `writeOnly: true`. */
  settings?: Json | null;
  settingsVersion?: number;
  settingsReadsFrom?: number;
  migrate?: (values: Json, fromVersion: number) => Awaitable<Json>;
  onCheck?: (settings: S) => unknown;
  onConfigure?: (settings: S) => unknown;
  onStop?: () => unknown;
  restartOnSettingsChange?: boolean;
  ui?: string | URL | null;
  uiEntry?: string;
  uiStyles?: string[];
  uiType?: "static" | "react_component";
  permissions?: { egress?: string[]; volumes?: string[]; origins?: string[] };
  routes?: RouteRule[];
  limits?: Limits;
  dataPolicy?: { oneWayMigration?: boolean; explanation?: string };
  typed?: TypedServices | null;
}

export class Plugin<S extends object = Json> {
  /** Throws PluginMisdefined. */
  constructor(options: PluginOptions<S>);
  /** What is in force; throws NotConfigured before that. */
  readonly settings: Readonly<S>;
  readonly configured: boolean;
  /** An ordinary server that never listens: WebSocket libraries attach to it. */
  readonly server: http.Server;
  /** For metrics of your own: `new Counter({ ..., registers: [plugin.registry] })`. */
  readonly registry: Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>;
}

/** Serve until SIGTERM; ends the process. */
export function serve(plugin: Plugin<any>): Promise<never>;

/** A request of Node, Express or Fastify, or Koa's context. */
export type AnyRequest = http.IncomingMessage | { raw: http.IncomingMessage } | { req: http.IncomingMessage };

export interface Caller {
  readonly user: string;
  /** What they are to this plugin: "admin", "operator", "user" or "viewer". */
  readonly role: string;
}

/** Who calls, by the gateway's signature. Throws CallerUnproven and NoCall. */
export function caller(request?: AnyRequest): Caller;

export interface CallContext {
  readonly requestId: string;
  readonly user: string;
  readonly role: string;
  readonly basePath: string;
  readonly traceparent: string;
  readonly token: string;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly host: string;
  /** Aborts when the client has left, or the call was cut. */
  readonly signal: AbortSignal;
}

/** What the gateway vouches for. Throws NoCall. */
export function callOf(request?: AnyRequest): CallContext;

/** The directory of a volume. Throws VolumeUnavailable. */
export function volume(name: string): string;

export class Logger {
  constructor(name: string);
  debug(message: string, extras?: Json): void;
  info(message: string, extras?: Json): void;
  warning(message: string, extras?: Json): void;
  error(message: string, extras?: Json): void;
  critical(message: string, extras?: Json): void;
}
export const log: Logger;

export class PlugwayError extends Error {}
export class PluginMisdefined extends PlugwayError {}
export class SettingsRefused extends PlugwayError {
  /** JSON Pointers to reasons; "" is the whole. */
  constructor(errors: Record<string, string>);
  readonly errors: Record<string, string>;
}
export class NotConfigured extends PlugwayError {}
export class NoCall extends PlugwayError {}
export class CallerUnproven extends PlugwayError {}
export class VolumeUnavailable extends PlugwayError {}
export class EgressRefused extends PlugwayError {
  readonly code: "EACCES";
}

export namespace egress {
  /** The relay's socket; "" where connections are direct. */
  function relay(): string;
  /** Rejects with EgressRefused, or an Error with code ETIMEDOUT or ECONNREFUSED. Milliseconds. */
  function connect(host: string, port: number | string, options?: { timeout?: number }): Promise<net.Socket>;
  /** A loopback address that leads to the destination. */
  function forward(host: string, port: number | string): Promise<{ host: string; port: number }>;
  class Agent extends http.Agent {}
  class HttpsAgent extends https.Agent {}
}
