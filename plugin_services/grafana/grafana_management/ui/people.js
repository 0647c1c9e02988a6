// Users of the organisation and of the server, and teams.

import { partChoice } from "./common.js";
import { fill, h } from "./kit/dom.js";
import { memberList } from "./members.js";
import { teamList, teamView } from "./teams.js";
import { userList } from "./users.js";

const PARTS = {
  members: { label: "In this organisation", list: memberList },
  users: { label: "On the server", list: userList },
  teams: { label: "Teams", list: teamList },
};

export function peopleView(page, place, params) {
  if (params.team) return teamView(page, place, params.team);
  const chosen = params.part in PARTS ? params.part : "members";
  const inner = h("div");
  fill(place, partChoice(page, "people", PARTS, chosen), inner);
  return PARTS[chosen].list(page, inner, params);
}
