// Server-sent events over host.fetch: the frame has no EventSource, as it has no network.

import { Problem } from "./kit/api.js";

export class Events {
  /** `heard(event, data)` for each event; `over(error)` once, without an error where it ended by itself. */
  constructor(page, path, query, { heard, over }) {
    Object.assign(this, { page, path, query, heard, over, stopping: new AbortController() });
    this.run();
  }

  async run() {
    try {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries({ ...this.page.api.always, ...this.query })) {
        for (const one of [value].flat()) if (one !== undefined && one !== "") search.append(name, one);
      }
      const answer = await this.page.host.fetch(`${this.path}?${search}`, { signal: this.stopping.signal });
      if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
      await this.read(answer.body.getReader());
      this.end();
    } catch (error) {
      this.end(error);
    }
  }

  end(error) {
    if (!this.stopping.signal.aborted) this.over(error);
    this.stopping.abort();
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.stopping.signal.aborted) return;
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
    if (fields.data) this.heard(fields.event ?? "message", JSON.parse(fields.data));
  }

  stop() {
    this.stopping.abort();
  }
}
