// Versions of one object.

import { at, when } from "./api.js";
import { fill, h } from "./kit/dom.js";
import { size } from "./kit/format.js";
import { button, moreButton, panel } from "./kit/parts.js";

export function versionsPanel(pane, { versions, after }) {
  if (versions.length < 2 && !versions.some((one) => one.deleteMarker)) return null;
  const list = h("ul", { class: "rules" }, versions.map((one, at) => row(pane, one, at + 1)));
  const foot = h("div", { class: "actions" });
  const grow = (next) =>
    fill(foot, next && moreButton(async () => {
      try {
        const page = await pane.page.api.get(pane.path("/versions"), { key: pane.key, after: next });
        const shown = list.childElementCount;
        list.append(...page.versions.map((one, at) => row(pane, one, shown + at + 1)));
        grow(page.after);
      } catch (error) {
        pane.page.failed(error);
      }
    }));
  grow(after);
  return panel("Versions", list, foot);
}

/** `number` counts from the newest: several may be of one second. */
function row(pane, one, number) {
  const about = `version ${number}, of ${when(one.modified)}`;
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
    !one.deleteMarker && button("Download", () => pane.download(one.version), { kind: "link", about }),
    page.writable && !one.latest && !one.deleteMarker && button("Restore", restore, { kind: "link", about }),
    page.writable && button("", remove, { symbol: "trash", kind: "quiet", title: `Delete ${about}` }),
  );
}
