// Server-sent events over host.fetch: the frame has no EventSource, as it has no network.

const LONGEST_PAUSE = 15_000;

/** `heard(board)` at first and at each change, `state(connected)` when the connection comes or goes. */
export async function follow(host, signal, heard, state) {
  let pause = 1000;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      const answer = await host.fetch("/events", { signal });
      if (!answer.ok) throw new Error(`the plugin answered ${answer.status}`);
      state(true);
      failures = -1;
      await read(answer.body.getReader(), (field, value) => {
        if (field === "retry") pause = Number(value);
        if (field === "data") heard(JSON.parse(value));
      });
    } catch {
      // Told below, and tried again.
    }
    if (signal.aborted) return;
    state(false);
    await new Promise((done) => setTimeout(done, Math.min(pause * 2 ** Math.max(failures, 0), LONGEST_PAUSE)));
  }
}

async function read(reader, take) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon > 0) take(line.slice(0, colon), line.slice(colon + 1).trimStart());
    }
  }
}
