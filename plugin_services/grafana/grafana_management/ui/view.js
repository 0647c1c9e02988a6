// One dashboard: its panels with their data, over a range of time, refreshed while one looks.

import { deleteDialog, part, saveDialog, textInput, titleBar } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { button, choice, empty, field, into } from "./kit/parts.js";
import { PanelCard } from "./panel.js";
import { expiry } from "./snapshots.js";

const RANGES = { "now-15m": "15 minutes", "now-1h": "1 hour", "now-6h": "6 hours", "now-24h": "24 hours", "now-7d": "7 days", "now-30d": "30 days" };
const PAUSES = { 0: "No refresh", 10: "every 10 s", 30: "every 30 s", 60: "every minute", 300: "every 5 minutes" };
const AT_ONCE = 4;

export class DashboardView {
  constructor(page, place, params) {
    Object.assign(this, { page, uid: params.uid, folder: params.folder, cards: [], values: {}, began: params.begin, ended: params.end });
    this.head = h("div");
    this.tools = h("div", { class: "bar view-tools" });
    this.grid = h("div", { class: "grid" });
    this.body = h("div");
    fill(place, this.head, this.tools, this.body);
    this.load();
  }

  get path() {
    return `/dashboards/${part(this.uid)}`;
  }

  load() {
    const both = () => Promise.all([this.page.api.get(this.path), this.page.api.get(`${this.path}/view`)]);
    into(this.body, both, { draw: ([details, view]) => {
      this.details = details;
      this.drawHead();
      this.drawTools(view);
      this.drop();
      this.cards = view.panels.map((one) => new PanelCard(one, (card, quiet) => this.ask(card, quiet)));
      if (!this.cards.length) return empty("No panels", "Add some in Grafana.");
      fill(this.grid, this.cards.map((card) => card.element));
      this.refresh();
      return this.grid;
    } });
  }

  drawHead() {
    const { title, provisioned, mayChange } = this.details;
    fill(this.head, titleBar(() => this.back(), title,
      provisioned && h("span", { class: "badge" }, "from a file"),
      button("Versions", () => this.page.go("dashboards", { uid: this.uid, part: "versions" })),
      button("Export", () => this.save()),
      this.page.writable && button("Snapshot…", () => this.snapshot()),
      this.page.writable && mayChange && button("Delete…", () => this.remove(), { symbol: "trash", kind: "danger", title: "Delete (Del)" }),
    ));
  }

  drawTools(view) {
    this.begin = this.began ?? view.begin;
    this.end = this.ended ?? view.end;
    const own = this.end === "now" && this.begin in RANGES ? {} : { own: `${this.begin} to ${this.end}` };
    const saved = view.begin in RANGES && view.end === "now" ? {} : { saved: `as saved (${view.begin} to ${view.end})` };
    const range = choice({ ...own, ...RANGES, ...saved }, "own" in own ? "own" : this.begin, (chosen) => {
      if (chosen !== "own") [this.begin, this.end] = chosen === "saved" ? [view.begin, view.end] : [chosen, "now"];
      this.page.go("dashboards", { uid: this.uid, folder: this.folder, begin: this.begin, end: this.end }, { quiet: true });
      this.refresh();
    });
    range.setAttribute("aria-label", "Time range");
    const pause = String(view.refresh in PAUSES ? view.refresh : 0);
    const often = choice(PAUSES, pause, (seconds) => this.repeat(Number(seconds)));
    often.setAttribute("aria-label", "Refresh");
    this.repeat(Number(pause));
    fill(this.tools, range, often, button("", () => this.refresh(true), { symbol: "refresh", title: "Load again (r)" }), view.variables.map((one) => this.variable(one)));
  }

  variable({ name, label, options, chosen, several }) {
    const select = choice(options, chosen[0] ?? "", () => {
      this.values[name] = [...select.selectedOptions].map(({ value }) => value);
      this.refresh();
    });
    if (several) {
      select.multiple = true;
      select.size = Math.min(3, Object.keys(options).length);
      for (const option of select.options) option.selected = chosen.includes(option.value);
    }
    return h("label", { class: "variable" }, h("span", {}, label), select);
  }

  repeat(seconds) {
    clearInterval(this.timer);
    if (seconds) this.timer = setInterval(() => document.hidden || this.refresh(true), seconds * 1000);
  }

  /** Some panels at a time, in their order; a later refresh takes the place of one that runs. */
  refresh(quiet = false) {
    const waiting = this.cards.filter((card) => card.asks);
    this.waiting = waiting;
    const work = async () => {
      while (this.waiting === waiting && waiting.length) await this.ask(waiting.shift(), quiet);
    };
    for (let at = 0; at < AT_ONCE; at += 1) work();
  }

  ask(card, quiet) {
    const chosen = Object.entries(this.values).flatMap(([name, values]) => values.map((value) => `${name}=${value}`));
    const query = { begin: this.begin, end: this.end, points: card.points, var: chosen };
    return card.show(() => this.page.api.get(`${this.path}/panels/${card.panel.id}/data`, query), quiet);
  }

  async save() {
    try {
      const answer = await this.page.host.fetch(`${this.path}/export?${new URLSearchParams(Object.entries(this.page.api.always).filter(([, value]) => value !== undefined))}`);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      await this.page.host.download(`${this.details.title.replace(/[^\w.-]+/g, "-")}.json`, await answer.blob());
    } catch (error) {
      this.page.failed(error);
    }
  }

  snapshot() {
    const name = textInput(this.details.title);
    const until = expiry();
    return saveDialog(this.page, {
      title: "New snapshot",
      accept: "Make the snapshot",
      done: "Made the snapshot.",
      body: [h("p", {}, "It holds the data that are seen here now. Whoever has its link sees them without a login."), field("Name", name), field("Kept for", until)],
      submit: () => this.page.api.post("/snapshots", {}, { dashboard: this.uid, name: name.value.trim(), begin: this.begin, end: this.end, expires: Number(until.value) }),
    }, ({ problems }) => {
      if (problems.length) this.page.failed({ message: `Not in it: ${problems.join(" ")}` });
      this.page.go("snapshots");
    });
  }

  remove() {
    const { title } = this.details;
    return deleteDialog(this.page, { what: title, name: title, words: "Its versions go with it. This cannot be undone.", path: this.path, then: () => this.back() });
  }

  back() {
    this.page.go("dashboards", { folder: this.folder });
  }

  drop() {
    this.waiting = null;
    this.cards.forEach((card) => card.drop());
  }

  leave() {
    clearInterval(this.timer);
    this.drop();
  }

  key({ key }) {
    if (key === "Escape") return this.back(), true;
    if (key === "Delete" && this.page.writable && this.details?.mayChange) return this.remove(), true;
    return key === "r" && (this.refresh(true), true);
  }
}
