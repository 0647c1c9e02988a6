// Long answers, read as they come.

/** Lines of a response's body. */
export async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split(/\r\n|\n|\r/);
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Server-sent events of a response: {id, event, data}. A heartbeat comes as null. */
export async function* events(response) {
  let event = { event: "message", data: [] };
  for await (const line of lines(response)) {
    if (line === "") {
      if (event.data.length) yield { ...event, data: event.data.join("\n") };
      event = { event: "message", data: [], id: event.id };
    } else if (line.startsWith(":")) {
      yield null;
    } else {
      const [, field, value] = line.match(/^([^:]*):? ?(.*)$/);
      if (field === "data") event.data.push(value);
      else if (field === "event" || field === "id") event[field] = value;
    }
  }
}
