// The plugin's API, with its problem documents as errors.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The plugin answered ${status}.`);
    this.status = status;
  }
}

export class Api {
  constructor(host) {
    this.host = host;
  }

  async call(method, path, init = {}) {
    const answer = await this.host.fetch(path, { method, ...init });
    if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
    return answer;
  }

  async json(method, path, body) {
    const init = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const answer = await this.call(method, path, init);
    return answer.status === 204 ? null : answer.json();
  }

  about() {
    return this.json("GET", "/about");
  }

  page(query, cursor) {
    return this.json("GET", `/notes?${new URLSearchParams({ q: query, cursor: cursor ?? "", limit: 50 })}`);
  }

  read(id) {
    return this.json("GET", `/notes/${id}`);
  }

  add(note) {
    return this.json("POST", "/notes", note);
  }

  change(id, change) {
    return this.json("PATCH", `/notes/${id}`, change);
  }

  remove(id) {
    return this.json("DELETE", `/notes/${id}`);
  }

  attach(id, file) {
    const headers = { "content-type": file.type || "application/octet-stream" };
    return this.call("POST", `/notes/${id}/attachments?${new URLSearchParams({ name: file.name })}`, { body: file, headers });
  }

  async download(id, attachment) {
    return (await this.call("GET", `/notes/${id}/attachments/${attachment.id}`)).blob();
  }

  detach(id, attachment) {
    return this.json("DELETE", `/notes/${id}/attachments/${attachment.id}`);
  }
}
