// What the API is, for the console and for generated clients.

const json = (schema) => ({ description: "OK", content: { "application/json": { schema } } });
const times = {
  type: "object",
  properties: {
    times: {
      type: "array",
      items: { type: "object", properties: { zone: { type: "string" }, time: { type: "string" } } },
    },
  },
};
const drift = {
  type: "object",
  properties: { seconds: { type: ["integer", "null"] }, reason: { type: "string" } },
};
const query = (name, schema) => ({ name, in: "query", schema });
const bytes = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };

export const openapi = {
  openapi: "3.1.0",
  info: { title: "Clock", version: "1.0.0" },
  paths: {
    "/now": { get: { summary: "The time", parameters: [query("zone", { type: "string" })], responses: { 200: json(times) } } },
    "/ticks": { get: { summary: "The time each second", responses: { 200: { description: "Server-sent events" } } } },
    "/wait": {
      get: {
        summary: "Answers when the time is up",
        parameters: [{ ...query("seconds", { type: "number", exclusiveMinimum: 0, maximum: 60 }), required: true }],
        responses: { 200: json({ type: "object", properties: { waited: { type: "number" } } }) },
      },
    },
    "/drift": { get: { summary: "How far the other server's clock is ahead", responses: { 200: json(drift) } } },
    "/sound": {
      get: { summary: "The alarm's sound", responses: { 200: { description: "OK", content: bytes } } },
      put: { summary: "Another sound", requestBody: { content: bytes }, responses: { 204: { description: "Stored" } } },
    },
  },
};
