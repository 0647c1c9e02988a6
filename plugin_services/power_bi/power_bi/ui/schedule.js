// When a dataset is refreshed by itself.

import { formDialog } from "./kit/dialog.js";
import { h } from "./kit/dom.js";
import { button, facts, field, into, panel } from "./kit/parts.js";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export function schedulePanel(page, path) {
  const body = h("div");
  const load = (quiet = true) =>
    into(body, async () => {
      const schedule = await page.api.get(`${path}/schedule`);
      const change = page.writable && button("Change", async () => (await edit(page, path, schedule)) && load(), { kind: "link", title: "Change the schedule" });
      return facts([
        ["By itself", schedule.enabled ? "yes" : "no", change],
        ["Days", schedule.days.join(", ") || "–"],
        ["Times", schedule.times.join(", ") || "–"],
        ["Time zone", schedule.timeZone],
      ]);
    }, { quiet });
  load(false);
  return panel("Schedule", body);
}

function edit(page, path, before) {
  const enabled = h("input", { type: "checkbox", checked: before.enabled });
  const days = DAYS.map((day) => [day, h("input", { type: "checkbox", checked: before.days.includes(day) })]);
  const times = h("input", { class: "input code", value: before.times.join(", "), spellcheck: "false" });
  const zone = h("input", { class: "input", value: before.timeZone, spellcheck: "false" });
  return formDialog(page.root.firstChild, {
    title: "Schedule",
    accept: "Save",
    body: [
      h("label", { class: "check" }, enabled, "Refresh by itself"),
      field("Days", h("div", { class: "days" }, days.map(([day, box]) => h("label", { class: "check" }, box, day)))),
      field("Times", times, "Full and half hours, with commas between: 07:00, 16:30."),
      field("Time zone", zone, "As Windows names it, such as UTC or W. Europe Standard Time."),
    ],
    submit: async () => {
      const schedule = {
        enabled: enabled.checked,
        days: days.filter(([, box]) => box.checked).map(([day]) => day),
        times: times.value.split(",").map((time) => time.trim()).filter(Boolean),
        timeZone: zone.value.trim(),
      };
      const wrong = schedule.times.find((time) => !/^([01]\d|2[0-3]):(00|30)$/.test(time));
      if (wrong) throw new Error(`“${wrong}” is no full or half hour such as 07:30.`);
      await page.api.put(`${path}/schedule`, {}, schedule);
      page.done("Saved.");
      return true;
    },
  });
}
