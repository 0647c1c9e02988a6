// The plugin's own API, through the host.

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? "The call failed.");
    this.status = status;
    this.hint = document.hint ?? "";
    this.kind = String(document.type ?? "").split(":").pop();
  }

  /** Whether the same call may well succeed a little later: nothing answered, or it said "not now". */
  get passing() {
    return [0, 429, 503, 504].includes(this.status);
  }
}

/** `always` holds what every query says: the connection, for one. Empty values are sent, missing ones are not, lists several times. */
export class Api {
  constructor(host) {
    this.host = host;
    this.always = {};
  }

  get(path, query, signal) {
    return this.call("GET", path, query, undefined, signal);
  }

  post(path, query, body) {
    return this.call("POST", path, query, body);
  }

  put(path, query, body) {
    return this.call("PUT", path, query, body);
  }

  remove(path, query) {
    return this.call("DELETE", path, query);
  }

  async call(method, path, query = {}, body = undefined, signal = undefined) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...this.always, ...query })) {
      for (const one of [value].flat()) if (one !== undefined && one !== null) search.append(name, one);
    }
    const init = { method, signal };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "content-type": "application/json" };
    }
    const text = String(search);
    const answer = await this.host.fetch(text ? `${path}?${text}` : path, init).catch((error) => {
      throw error.name === "AbortError" ? error : new Problem(0, { detail: `The plugin could not be asked: ${error.message}` });
    });
    const document = await answer.json().catch(() => ({ detail: `The answer (${answer.status}) could not be read.` }));
    if (!answer.ok) throw new Problem(answer.status, document);
    return document;
  }
}
