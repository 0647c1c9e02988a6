// Shows the unified OpenAPI document and sends calls to try it. All text goes in as text, never as markup.

import { outline, resolve, sample } from "./schema.js";

const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"];
const LONGEST = 65536;
const operationsRoot = document.getElementById("operations");
const tagsRoot = document.getElementById("tags");

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function mediaOf(content) {
  return Object.entries(content ?? {})[0] ?? [null, {}];
}

function exampleOf(spec, media) {
  if ("example" in media) return media.example;
  const named = Object.values(media.examples ?? {})[0];
  if (named) return resolve(spec, named)?.value;
  return media.schema ? sample(spec, media.schema) : "";
}

function parameterField(spec, parameter) {
  const input = element("input", { name: `${parameter.in}:${parameter.name}`, required: Boolean(parameter.required) });
  const about = [outline(spec, parameter.schema), parameter.description].filter(Boolean).join(". ");
  const label = element("label", { className: "field" });
  label.append(element("code", {}, `${parameter.name}${parameter.required ? "" : "?"} (${parameter.in})`), input);
  label.append(element("small", {}, about));
  return label;
}

function answerView(spec, status, answer) {
  const found = resolve(spec, answer) ?? {};
  const [type, media] = mediaOf(found.content);
  const view = element("details", { className: "answer" });
  view.append(element("summary", {}, element("code", {}, status), ` ${found.description ?? ""}`));
  if (type) view.append(element("small", {}, type));
  if (media.schema) view.append(element("pre", {}, outline(spec, media.schema)));
  return view;
}

function requestFor(path, method, form, bodyType) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const input of form.querySelectorAll("input[name]")) {
    const [place, name] = [input.name.split(":", 1)[0], input.name.slice(input.name.indexOf(":") + 1)];
    if (place === "path") target = target.replaceAll(`{${name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (place === "query") query.append(name, input.value);
    else if (place === "header") headers[name] = input.value;
  }
  const body = form.querySelector("textarea")?.value;
  if (body) headers["content-type"] = bodyType;
  const url = query.size ? `${target}?${query}` : target;
  return [url, { method: method.toUpperCase(), headers, body: body || undefined }];
}

async function readInto(response, output, head) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    output.textContent = `${head}\n\n${text.slice(0, LONGEST)}`;
    if (text.length > LONGEST) return reader.cancel();
  }
  if ((response.headers.get("content-type") ?? "").includes("json")) {
    try {
      output.textContent = `${head}\n\n${pretty(JSON.parse(text))}`;
    } catch {
      // Lines of JSON, or cut short: shown as it came.
    }
  }
}

function tryForm(spec, path, method, operation) {
  const form = element("form");
  for (const parameter of operation.parameters ?? []) {
    const found = resolve(spec, parameter);
    if (found && found.in !== "cookie") form.append(parameterField(spec, found));
  }
  const [bodyType, media] = mediaOf(resolve(spec, operation.requestBody)?.content);
  if (bodyType) {
    form.append(element("h3", {}, `Body, ${bodyType}`));
    if (media.schema) form.append(element("pre", {}, outline(spec, media.schema)));
    form.append(element("textarea", { value: pretty(exampleOf(spec, media)) ?? "", ariaLabel: "Body" }));
  }
  const output = element("pre", { hidden: true });
  const stop = element("button", { type: "button", hidden: true }, "Stop");
  form.append(element("div", { className: "row" }, element("button", {}, "Send"), stop), output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const control = new AbortController();
    stop.onclick = () => control.abort();
    stop.hidden = output.hidden = false;
    output.textContent = "Sending.";
    try {
      const [url, init] = requestFor(path, method, form, bodyType);
      const response = await fetch(url, { ...init, signal: control.signal });
      await readInto(response, output, `${response.status} ${response.statusText}`);
    } catch (error) {
      if (error.name !== "AbortError") output.textContent = `No answer: ${error.message}`;
    }
    stop.hidden = true;
  });
  return form;
}

function operationView(spec, path, method, operation) {
  const view = element("details", { className: "operation", id: operation.operationId ?? "" });
  view.classList.toggle("deprecated", Boolean(operation.deprecated));
  view.append(
    element(
      "summary",
      {},
      element("span", { className: `method ${method}` }, method),
      element("code", {}, path),
      element("span", {}, operation.summary ?? ""),
    ),
  );
  const fill = () => {
    const body = element("div", { className: "body" });
    if (operation.description) body.append(element("p", {}, operation.description));
    if (operation.security?.length === 0) body.append(element("p", { className: "quiet" }, "Open to anyone."));
    body.append(element("h3", {}, "Try it"), tryForm(spec, path, method, operation), element("h3", {}, "Answers"));
    for (const [status, answer] of Object.entries(operation.responses ?? {})) {
      body.append(answerView(spec, status, answer));
    }
    view.append(body);
  };
  // A thousand forms at once would be slow: each is made when it is first opened.
  view.addEventListener("toggle", () => view.open && !view.querySelector(".body") && fill());
  view.dataset.words = `${method} ${path} ${operation.summary ?? ""} ${operation.operationId ?? ""}`.toLowerCase();
  return view;
}

function show(spec) {
  const groups = new Map((spec.tags ?? []).map((tag) => [tag.name, { about: tag.description, views: [] }]));
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, { about: "", views: [] });
      groups.get(tag).views.push(operationView(spec, path, method, item[method]));
    }
  }
  operationsRoot.replaceChildren();
  for (const [tag, { about, views }] of groups) {
    if (!views.length) continue;
    const id = `tag-${tag}`;
    const heading = element("h2", { id }, tag);
    operationsRoot.append(element("section", {}, heading, element("p", { className: "quiet" }, about ?? ""), ...views));
    tagsRoot.append(element("a", { href: `#${encodeURIComponent(id)}` }, tag));
  }
  for (const plugin of spec["x-plugway-plugins"] ?? []) {
    if (plugin.reason) {
      const what = plugin.included ? "is not shown whole" : "is not shown";
      operationsRoot.append(element("p", { className: "quiet" }, `${plugin.id} ${what}: ${plugin.reason}.`));
    }
  }
}

function filter(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of operationsRoot.querySelectorAll("section")) {
    let any = false;
    for (const view of section.querySelectorAll("details.operation")) {
      view.hidden = !wanted.every((word) => view.dataset.words.includes(word));
      any ||= !view.hidden;
    }
    section.hidden = !any;
  }
}

document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`openapi.json answered ${response.status}`);
  show(await response.json());
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked) {
    if (linked.matches("details")) linked.open = true;
    linked.scrollIntoView();
  }
} catch (error) {
  operationsRoot.replaceChildren(element("p", {}, `The document could not be shown: ${error.message}`));
}
