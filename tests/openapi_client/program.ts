// What a stranger would write with the generated types: management, an HTTP route and a typed service.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

const [, , baseUrl, token] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const found: Record<string, unknown> = {};

// Management
const plugins = await client.GET("/api/v1/plugins");
if (!plugins.data) throw new Error(JSON.stringify(plugins.error));
const ids: string[] = plugins.data.plugins.map((plugin) => plugin.id);
found.plugins = ids;

// An HTTP route of the plugin
const made = await client.POST("/plugins/notes/api/notes", { body: { title: "by route", text: "", pinned: false } });
if (!made.data) throw new Error(JSON.stringify(made.error));
const number: number = made.data.id;

// The same note by the plugin's typed service
const typed = await client.GET("/plugins/notes/api/v1/notes/{note}", {
  params: { path: { note: String(number) } },
});
if (!typed.data) throw new Error(JSON.stringify(typed.error));
const note: components["schemas"]["notes.notes.v1.Note"] = typed.data;
const changedAt: string | undefined = note.updatedAt;
found.note = [note.name, note.title, typeof changedAt];

// A stream as one array, with a query
const list = await client.GET("/plugins/notes/api/v1/notes", {
  params: { query: { query: "route", limit: 5 } },
  headers: { accept: "application/json" },
});
if (!list.data || typeof list.data === "string") throw new Error(JSON.stringify(list.error ?? list.data));
found.list = list.data.map((one) => one.title);

// An error is a problem, with gRPC's code
const gone = await client.GET("/plugins/notes/api/v1/notes/{note}", { params: { path: { note: "999999" } } });
const problem: components["schemas"]["RpcProblem"] | undefined = gone.error;
found.problem = [gone.response.status, problem?.type, problem?.code];

console.log(JSON.stringify(found));
