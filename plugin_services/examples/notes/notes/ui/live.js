// Server-sent events over host.fetch: the frame has no EventSource, as it has no network.

const LONGEST_PAUSE = 15_000;

export class Live {
  /** `heard(event, data)` for each event, `state(connected)` when the connection comes or goes. */
  constructor(api, heard, state) {
    Object.assign(this, { api, heard, state, stopping: new AbortController(), pause: 1000 });
  }

  async run() {
    let failures = 0;
    while (!this.stopping.signal.aborted) {
      try {
        const answer = await this.api.call("GET", "/events", { signal: this.stopping.signal });
        this.state(true);
        failures = 0;
        await this.read(answer.body.getReader());
      } catch {
        failures += 1;
      }
      if (this.stopping.signal.aborted) return;
      this.state(false);
      await new Promise((done) => setTimeout(done, Math.min(this.pause * 2 ** failures, LONGEST_PAUSE)));
    }
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const messages = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = messages.pop();
      for (const message of messages) this.take(message);
    }
  }

  take(message) {
    const fields = {};
    for (const line of message.split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
    }
    if (fields.retry) this.pause = Number(fields.retry);
    if (fields.data) this.heard(fields.event ?? "message", JSON.parse(fields.data));
  }

  stop() {
    this.stopping.abort();
  }
}
