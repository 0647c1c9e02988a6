// Each line is wrong by the document: the types must say so.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1" });

// @ts-expect-error no such path
await client.GET("/plugins/notes/api/v1/nothing");
// @ts-expect-error the path needs its variable
await client.GET("/plugins/notes/api/v1/notes/{note}");
// @ts-expect-error a title is text
await client.POST("/plugins/notes/api/v1/notes", { body: { title: 5 } });
// @ts-expect-error a note has no such field
export const note: components["schemas"]["notes.notes.v1.Note"]["color"] = "red";
// @ts-expect-error a limit is a number
await client.GET("/plugins/notes/api/v1/notes", { params: { query: { limit: "many" } } });
