"""Organisations, users of the server and of an organisation, teams."""

from __future__ import annotations

from typing import Any

from fake_grafana.boards import page
from fake_grafana.state import Wrong, new_org


def this_org(call: Any) -> Any:
    return {"id": call.org["id"], "name": call.org["name"]}


def list_orgs(call: Any) -> Any:
    call.need("orgs:read", server=True)
    words = call.query.get("query", "").lower()
    orgs = [{"id": one["id"], "name": one["name"]} for one in call.state.data["orgs"].values()]
    found = [one for one in orgs if words in one["name"].lower()]
    return page(found, call.query, size=1000, name="perpage", first=0)


def read_org(call: Any) -> Any:
    call.need("orgs:read", server=True)
    found = call.state.org(int(call.path["id"]))
    return {"id": found["id"], "name": found["name"], "address": {}}


def _free(call: Any, name: str) -> None:
    if any(one["name"] == name for one in call.state.data["orgs"].values()):
        raise Wrong(409, "Organization name taken")


def create_org(call: Any) -> Any:
    call.need("orgs:create", server=True)
    _free(call, call.body["name"])
    number = call.state.number()
    call.state.data["orgs"][str(number)] = new_org(number, call.body["name"])
    return {"orgId": number, "message": "Organization created"}


def change_org(call: Any) -> Any:
    call.need("orgs:write", server=True)
    found = call.state.org(int(call.path["id"]))
    if found["name"] != call.body["name"]:
        _free(call, call.body["name"])
    found["name"] = call.body["name"]
    return {"message": "Organization updated"}


def delete_org(call: Any) -> Any:
    call.need("orgs:delete", server=True)
    number = call.state.org(int(call.path["id"]))["id"]
    if number == 1:
        raise Wrong(400, "Can not delete org for current user")
    del call.state.data["orgs"][str(number)]
    return {"message": "Organization deleted"}


def members(call: Any) -> Any:
    call.need("org.users:read")
    found = []
    for number, role in call.org["members"].items():
        user = call.state.user(int(number))
        about = {name: user[name] for name in ("login", "name", "email", "isDisabled")}
        member = {"orgId": call.org["id"], "userId": user["id"], "role": role, "lastSeenAt": None}
        found.append(member | about)
    return found


def add_member(call: Any) -> Any:
    call.need("org.users:add")
    wanted = call.body["loginOrEmail"]
    for user in call.state.data["users"].values():
        if wanted in (user["login"], user["email"]):
            if str(user["id"]) in call.org["members"]:
                raise Wrong(409, "User is already member of this organization")
            call.org["members"][str(user["id"])] = call.body["role"]
            return {"message": "User added to organization", "userId": user["id"]}
    raise Wrong(404, "User not found")


def change_member(call: Any) -> Any:
    call.need("org.users:write")
    if call.path["id"] not in call.org["members"]:
        raise Wrong(404, "User not found")
    call.org["members"][call.path["id"]] = call.body["role"]
    if "Admin" not in call.org["members"].values():
        call.org["members"][call.path["id"]] = "Admin"
        raise Wrong(400, "Cannot change role so that there is no organization admin left")
    return {"message": "Organization user updated"}


def remove_member(call: Any) -> Any:
    """By this path, whoever is in no other organisation is gone altogether."""
    _removed(call, call.org)
    if not any(call.path["id"] in org["members"] for org in call.state.data["orgs"].values()):
        del call.state.data["users"][call.path["id"]]
        return {"message": "User deleted"}
    return {"message": "User removed from organization"}


def remove_member_of(call: Any) -> Any:
    _removed(call, call.state.org(int(call.path["org"])))
    return {"message": "User removed from organization"}


def _removed(call: Any, org: Any) -> None:
    call.need("org.users:remove")
    if org["members"].pop(call.path["id"], None) is None:
        raise Wrong(404, "User not found")


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in user.items() if name != "password"} | {"authLabels": []}


def search_users(call: Any) -> Any:
    call.need("users:read", server=True)
    words = call.query.get("query", "").lower()
    found = [_shown(one) for one in call.state.data["users"].values() if words in one["login"].lower()]
    users = page(found, call.query, size=1000, name="perpage")
    return {"totalCount": len(found), "users": users, "page": 1, "perPage": 1000}


def read_user(call: Any) -> Any:
    call.need("users:read", server=True)
    user = _shown(call.state.user(int(call.path["id"])))
    return {**user, "isGrafanaAdmin": user.pop("isAdmin")}


def create_user(call: Any) -> Any:
    call.need("users:create", server=True)
    if any(one["login"] == call.body["login"] for one in call.state.data["users"].values()):
        raise Wrong(412, f"User with email '' or username '{call.body['login']}' already exists")
    number = call.state.number()
    call.state.data["users"][str(number)] = {
        "id": number, "login": call.body["login"], "password": call.body["password"],
        "name": call.body.get("name", ""), "email": call.body.get("email", ""),
        "isAdmin": False, "isDisabled": False,
    }  # fmt: skip
    call.org["members"][str(number)] = "Viewer"
    return {"id": number, "message": "User created"}


def _of_user(field: str, value: Any = None) -> Any:
    def change(call: Any) -> Any:
        call.need("users:write", server=True)
        user = call.state.user(int(call.path["id"]))
        names = {"isAdmin": "isGrafanaAdmin", "password": "password"}
        user[field] = call.body[names[field]] if field in names else value
        return {"message": "User updated"}

    return change


def delete_user(call: Any) -> Any:
    call.need("users:delete", server=True)
    number = str(call.state.user(int(call.path["id"]))["id"])
    del call.state.data["users"][number]
    for org in call.state.data["orgs"].values():
        org["members"].pop(number, None)
        for team in org["teams"].values():
            team["users"] = [one for one in team["users"] if str(one) != number]
    return {"message": "User deleted"}


def _team(call: Any) -> dict[str, Any]:
    found: dict[str, Any] | None = call.org["teams"].get(call.path["id"])
    if found is None:
        raise Wrong(404, "Team not found")
    return found


def _told(team: dict[str, Any]) -> dict[str, Any]:
    about = {name: value for name, value in team.items() if name != "users"}
    return {**about, "memberCount": len(team["users"])}


def read_team(call: Any) -> Any:
    return _told(_team(call))


def search_teams(call: Any) -> Any:
    words = call.query.get("query", "").lower()
    found = [_told(one) for one in call.org["teams"].values() if words in one["name"].lower()]
    teams = page(found, call.query, size=1000, name="perpage")
    return {"totalCount": len(found), "teams": teams, "page": 1, "perPage": 1000}


def _maker(call: Any) -> list[int]:
    """Who makes a team belongs to it; a service account does not."""
    users = call.state.data["users"].values()
    return [one["id"] for one in users if one["login"] == call.login]


def create_team(call: Any) -> Any:
    call.need("teams:create")
    if any(one["name"] == call.body["name"] for one in call.org["teams"].values()):
        raise Wrong(409, "Team name taken")
    number = call.state.number()
    call.org["teams"][str(number)] = {"id": number, **call.body, "users": _maker(call)}
    return {"message": "Team created", "teamId": number}


def change_team(call: Any) -> Any:
    call.need("teams:write")
    _team(call).update(call.body)
    return {"message": "Team updated"}


def delete_team(call: Any) -> Any:
    call.need("teams:delete")
    del call.org["teams"][str(_team(call)["id"])]
    return {"message": "Team deleted"}


def team_members(call: Any) -> Any:
    users = [call.state.user(number) for number in _team(call)["users"]]
    return [{"userId": one["id"], "teamId": 1, "permission": 0, **_shown(one)} for one in users]


def add_team_member(call: Any) -> Any:
    call.need("teams.permissions:write")
    team, number = _team(call), call.state.user(call.body["userId"])["id"]
    if number in team["users"]:
        raise Wrong(400, "User is already added to this team")
    team["users"].append(number)
    return {"message": "Member added to Team"}


def remove_team_member(call: Any) -> Any:
    call.need("teams.permissions:write")
    team, number = _team(call), int(call.path["user"])
    if number not in team["users"]:
        raise Wrong(404, "Team member not found")
    team["users"].remove(number)
    return {"message": "Team Member removed"}


ROUTES = (
    ("GET", "/api/org", this_org),
    ("GET", "/api/orgs", list_orgs),
    ("POST", "/api/orgs", create_org),
    ("GET", "/api/orgs/{id}", read_org),
    ("PUT", "/api/orgs/{id}", change_org),
    ("DELETE", "/api/orgs/{id}", delete_org),
    ("GET", "/api/org/users", members),
    ("POST", "/api/org/users", add_member),
    ("PATCH", "/api/org/users/{id}", change_member),
    ("DELETE", "/api/org/users/{id}", remove_member),
    ("DELETE", "/api/orgs/{org}/users/{id}", remove_member_of),
    ("GET", "/api/users/search", search_users),
    ("GET", "/api/users/{id}", read_user),
    ("POST", "/api/admin/users", create_user),
    ("PUT", "/api/admin/users/{id}/permissions", _of_user("isAdmin")),
    ("PUT", "/api/admin/users/{id}/password", _of_user("password")),
    ("POST", "/api/admin/users/{id}/disable", _of_user("isDisabled", True)),
    ("POST", "/api/admin/users/{id}/enable", _of_user("isDisabled", False)),
    ("DELETE", "/api/admin/users/{id}", delete_user),
    ("GET", "/api/teams/search", search_teams),
    ("POST", "/api/teams", create_team),
    ("GET", "/api/teams/{id}", read_team),
    ("PUT", "/api/teams/{id}", change_team),
    ("DELETE", "/api/teams/{id}", delete_team),
    ("GET", "/api/teams/{id}/members", team_members),
    ("POST", "/api/teams/{id}/members", add_team_member),
    ("DELETE", "/api/teams/{id}/members/{user}", remove_team_member),
)
