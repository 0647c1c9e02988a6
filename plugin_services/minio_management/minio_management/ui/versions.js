// Versions of one object.

import { at, when } from "./api.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";
import { button, moreButton, panel } from "./kit/parts.js";

export function versionsPanel(pane, { versions, after }) {
  if (versions.length < 2 && !versions.some((one) => one.deleteMarker)) return null;
  const list = h("ul", { class: "rules" }, versions.map((one) => row(pane, one)));
  const foot = h("div", { class: "actions" });
  const grow = (next) =>
    fill(foot, next && moreButton(async () => {
      try {
        const page = await pane.page.api.get(pane.path("/versions"), { key: pane.key, after: next });
        list.append(...page.versions.map((one) => row(pane, one)));
        grow(page.after);
      } catch (error) {
        pane.page.failed(error);
      }
    }));
  grow(after);
  return panel("Versions", list, foot);
}

function row(pane, one) {
  const { page } = pane;
  const act = async (words, accept, work, done) => {
    if (!(await page.sure(words, accept))) return;
    try {
      await work();
      page.done(done);
    } catch (error) {
      page.failed(error);
    }
    pane.load();
  };
  const restore = () =>
    act(`Make the version of ${when(one.modified)} the newest again? The others stay.`, "Restore", () => page.api.post(pane.path("/restore"), { key: pane.key, version: one.version }), "Restored.");
  const remove = () =>
    act(
      one.deleteMarker ? "Delete this mark? The object comes back." : `Delete the version of ${when(one.modified)} for ever?`,
      "Delete",
      () => page.api.post(at(pane.bucket, "/objects/delete"), {}, { objects: [{ key: pane.key, version: one.version }] }),
      "Deleted.",
    );
  return h(
    "li",
    {},
    h("div", { class: "grow" }, when(one.modified), one.latest && h("span", { class: "badge" }, "newest"), h("div", { class: "muted" }, one.deleteMarker ? "deleted here" : size(one.size))),
    !one.deleteMarker && button("Download", () => pane.download(one.version), { kind: "link", about: when(one.modified) }),
    page.writable && !one.latest && !one.deleteMarker && button("Restore", restore, { kind: "link", about: when(one.modified) }),
    page.writable && button("", remove, { symbol: "trash", kind: "quiet", title: `Delete the version of ${when(one.modified)}` }),
  );
}
