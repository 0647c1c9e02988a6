// Versions of one dashboard: what has been changed since each, and back to it.

import { act, part, root, titleBar, when } from "./common.js";
import { formDialog } from "./kit/dialog.js";
import { fill, h } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { button, empty, into, moreButton } from "./kit/parts.js";

export function versionsView(page, place, uid) {
  const back = () => page.go("dashboards", { uid });
  const body = h("div");
  const load = (quiet) => into(body, async () => table(page, uid, await page.api.get(`/dashboards/${part(uid)}/versions`), () => load(true)), { quiet });
  fill(place, titleBar(back, "Versions"), body);
  load(false);
  return { key: ({ key }) => (key === "Escape" ? (back(), true) : key === "r" && (load(true), true)) };
}

function table(page, uid, found, again) {
  if (!found.versions.length) return empty("No versions", "It has never been saved.");
  const body = h("tbody", {}, found.versions.map((one) => row(page, uid, one, found.current, again)));
  const foot = h("div", { class: "list-foot" });
  const draw = (more) => fill(foot, h("span", { class: "grow muted" }, plural(body.childElementCount, "version")), more && moreButton(next));
  const next = async () => {
    try {
      const rest = await page.api.get(`/dashboards/${part(uid)}/versions`, { start: body.childElementCount });
      body.append(...rest.versions.map((one) => row(page, uid, one, found.current, again)));
      draw(rest.more);
    } catch (error) {
      page.failed(error);
    }
  };
  draw(found.more);
  const heads = ["Version", "When", "By", "Words", "Do"].map((label) => h("th", {}, label));
  return [h("div", { class: "panel" }, h("div", { class: "body" }, h("table", { class: "plain stack records" }, h("thead", {}, h("tr", {}, heads)), body))), foot];
}

function row(page, uid, one, current, again) {
  const now = one.version === current;
  const words = one.message || (one.restoredFrom ? `restored from ${one.restoredFrom}` : "–");
  const restore = () =>
    act(page, {
      words: `Make version ${one.version} the newest one? What was changed since is no longer in force; it stays in this list.`,
      accept: "Restore",
      work: () => page.api.post(`/dashboards/${part(uid)}/versions/${one.version}/restore`, {}, { current }),
      done: `Restored version ${one.version}.`,
      then: again,
    });
  const cells = {
    Version: [String(one.version), now && h("span", { class: "badge" }, "in force")],
    When: when(one.created),
    By: one.createdBy || "–",
    Words: words,
    Do: now ? "" : h("span", { class: "links" }, button("Compare", () => compare(page, uid, one.version), { kind: "link", title: `What changed since version ${one.version}`, about: `version ${one.version}` }), page.writable && button("Restore…", restore, { kind: "link", title: `Restore version ${one.version}`, about: `version ${one.version}` })),
  };
  return h("tr", {}, Object.entries(cells).map(([label, content]) => h("td", { "data-label": label }, h("div", {}, content))));
}

async function compare(page, uid, version) {
  try {
    const { changes, more, current } = await page.api.get(`/dashboards/${part(uid)}/versions/${version}`);
    const side = (text) => (text === null ? h("span", { class: "muted" }, "was not there") : h("code", {}, text));
    const rows = changes.map(({ path, before, after }) => h("div", {}, h("dt", { class: "code" }, path), h("dd", {}, side(before), " → ", after === null ? h("span", { class: "muted" }, "is gone") : h("code", {}, after))));
    const body = changes.length ? [h("dl", { class: "changes" }, rows), more > 0 && h("p", { class: "muted" }, `And ${plural(more, "further change")}.`)] : h("p", {}, "Nothing is different.");
    await formDialog(root(page), { title: `From version ${version} to ${current}`, accept: "Close", cancel: false, wide: true, body, submit: () => true });
  } catch (error) {
    page.failed(error);
  }
}
