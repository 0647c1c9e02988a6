import type { Plugin } from "./index.js";

type Json = Record<string, unknown>;

/** Start the plugin behind a real socket. `settings: null` leaves it without; `user: ""` is nobody. */
export function harness(
  plugin: Plugin<any>,
  options?: { settings?: Json | null; user?: string; role?: string },
): Promise<Client>;

export interface Client {
  /** As the global fetch, with a path. A body that is an async iterable is an upload in parts. */
  fetch(
    path: string,
    init?: {
      method?: string;
      headers?: HeadersInit;
      body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
      signal?: AbortSignal;
    },
  ): Promise<Response>;
  /** Rejects with an Error that has `status` where it is refused. */
  websocket(path: string, options?: { headers?: HeadersInit; subprotocols?: string[] }): Promise<Socket>;
  configure(
    settings: Json,
    options?: { dryRun?: boolean; schemaVersion?: number },
  ): Promise<{ accepted: boolean; errors: Record<string, string>; restartRequired: boolean }>;
  /** A call of a typed service. `request` is an iterable where the method takes a stream; so is what a stream gives. */
  typed(service: string, method: string, request: unknown): Promise<any> & AsyncIterable<any>;
  describe(): Promise<Json>;
  health(name?: string): Promise<string>;
  /** Milliseconds. */
  drain(options?: { deadline?: number; streamDeadline?: number }): Promise<{ finished: number; cut: number }>;
  ui(): Promise<Map<string, Buffer>>;
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

export interface Socket {
  readonly subprotocol: string;
  send(data: string | Uint8Array): void;
  /** A message; after the last one how it was closed. */
  next(): Promise<string | Buffer | { code: number; reason: string }>;
  close(code?: number, reason?: string): void;
}
