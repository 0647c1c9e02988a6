// What happens in Redis now: messages on channels, and every command (MONITOR).

import { blobOf, shown } from "./bytes.js";
import { ByteField } from "./editor.js";
import { Feed } from "./feed.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { count, plural } from "./kit/format.js";
import { button, choice, field, into, panel } from "./kit/parts.js";

const PARTS = { channels: { label: "Channels", make: channels }, monitor: { label: "Commands", make: monitor } };
const clock = (at) => new Date(at * 1000).toLocaleTimeString();

export function liveView(page, place, params) {
  const part = params.part in PARTS ? params.part : "channels";
  const choices = Object.entries(PARTS).map(([key, { label }]) =>
    h("button", { type: "button", "aria-pressed": String(key === part), onclick: () => page.go("live", { part: key }) }, label));
  const inner = h("div");
  fill(place, h("div", { class: "bar" }, h("div", { class: "segments parts", role: "group", "aria-label": "What to see" }, choices)), inner);
  return PARTS[part].make(page, inner, params);
}

function channels(page, place, params) {
  const pattern = h("input", { class: "input code", value: params.pattern ?? "*", "aria-label": "Channel pattern", spellcheck: "false", autocapitalize: "off" });
  const feed = new Feed(page, {
    begin: "Listen",
    noun: "message",
    heads: ["Time", "Channel", "Message"],
    ask: () => ({ path: "/pubsub/messages", query: { pattern: pattern.value.trim() || "*" } }),
    line: ({ at, channel, data }) => [{ content: clock(at), kind: "number" }, { content: shown(channel), kind: "code" }, { content: shown(data), kind: "code wide" }],
  });
  const list = h("div");
  const load = () => into(list, async () => channelList(await page.api.get("/pubsub/channels"), (name) => {
    pattern.value = name;
    feed.start();
  }));
  const form = h("form", { class: "bar" }, h("label", { class: "inline grow" }, h("span", {}, "Channels"), pattern), page.writable && button("Publish…", () => publish(page), { title: "Say something on a channel" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    feed.start();
  });
  fill(place, form, feed.element, h("div", { class: "below" }, list));
  load();
  return { leave: () => feed.stop(), key: ({ key }) => (key === "r" ? (load(), true) : key === "/" && (pattern.focus(), pattern.select(), true)) };
}

function channelList({ channels: found, total, patterns }, listen) {
  const rows = found.map(({ name, subscribers }) => h("li", {}, name.encoding === "utf-8" && !name.truncated ? button(shown(name), () => listen(name.data.replace(/[*?[\]\\]/g, "\\$&")), { kind: "link" }) : shown(name), h("span", { class: "muted" }, ` ${plural(subscribers, "listener")}`)));
  const more = total > found.length && h("p", { class: "muted" }, `${count(total - found.length)} more are not shown.`);
  const words = h("p", { class: "muted" }, `${plural(patterns, "pattern")} listened to. Channels that nobody listens to leave no trace in Redis.`);
  return panel(plural(total, "channel"), rows.length > 0 && h("ul", { class: "channels" }, rows), more, words);
}

async function publish(page) {
  const channel = h("input", { class: "input code", "aria-label": "Channel", autocapitalize: "off" });
  const message = new ByteField(undefined, { label: "Message", rows: 5 });
  const told = await formDialog(page.root.firstChild, {
    title: "Publish a message",
    accept: "Publish",
    body: [field("Channel", channel), field("Message", message.element)],
    submit: () => {
      if (!channel.value) throw new Error("Name a channel.");
      return page.api.post("/pubsub/messages", {}, { channel: { data: channel.value, encoding: "utf-8" }, message: blobOf(message.value()) });
    },
  });
  if (told) page.done(`Published; ${plural(told.receivers, "listener")} got it.`);
}

const TIMES = { 10: "10 seconds", 30: "30 seconds", 60: "1 minute", 300: "5 minutes" };

function monitor(page, place) {
  const seconds = choice(TIMES, "30");
  seconds.setAttribute("aria-label", "For how long");
  const contains = h("input", { class: "input code", placeholder: "any", "aria-label": "Only with this word", spellcheck: "false", autocapitalize: "off" });
  const feed = new Feed(page, {
    begin: "Watch commands",
    noun: "command",
    heads: ["Time", "db", "Client", "Command"],
    ask: () => ({ path: "/monitor", query: { seconds: seconds.value, contains: contains.value.trim() } }),
    line: ({ at, database, client, words, more }) => [
      { content: clock(at), kind: "number" },
      { content: String(database), kind: "number" },
      { content: client, kind: "code" },
      { content: words.map(shown).join(" ") + (more ? ` … ${count(more)} more` : ""), kind: "code wide" },
    ],
  });
  const warning = h("div", { class: "callout warn", role: "note" }, h("strong", {}, "MONITOR slows Redis down"), h("p", {}, "While it runs, Redis may do half as many commands. Keep it short on a server that is in use; it ends by itself. Values are shown, passwords are not."));
  const form = h("div", { class: "bar" }, h("label", { class: "inline" }, h("span", {}, "For"), seconds), h("label", { class: "inline grow" }, h("span", {}, "Only with"), contains));
  fill(place, warning, form, feed.element);
  return { leave: () => feed.stop(), key: ({ key }) => key === "/" && (contains.focus(), true) };
}
