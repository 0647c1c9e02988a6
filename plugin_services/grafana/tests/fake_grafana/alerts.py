"""Alert rules by the provisioning API, their states, and silences."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from fake_grafana.state import Wrong

_PATH = "/api/v1/provisioning/alert-rules"
_SILENCES = "/api/alertmanager/grafana/api/v2"


def list_rules(call: Any) -> Any:
    return list(call.org["rules"].values())


def _rule(call: Any) -> dict[str, Any]:
    found: dict[str, Any] | None = call.org["rules"].get(call.path["uid"])
    if found is None:
        raise Wrong(404, "Not found")
    return found


def read_rule(call: Any) -> Any:
    return _rule(call)


def add_rule(call: Any) -> Any:
    call.need("alert.provisioning:write")
    rule = {
        "uid": secrets.token_hex(7),
        "id": call.state.number(),
        "isPaused": False,
        "provenance": _provenance(call),
        **call.body,
    }
    call.org["rules"][rule["uid"]] = rule
    return rule


def change_rule(call: Any) -> Any:
    call.need("alert.provisioning:write")
    _keep_provenance(call)
    call.org["rules"][call.path["uid"]] = call.body
    return call.body


def _provenance(call: Any) -> str:
    return "" if call.plain else "api"


def _keep_provenance(call: Any) -> None:
    before = _rule(call).get("provenance") or ""
    if before and before != _provenance(call):
        raise Wrong(500, f"cannot change provenance from '{before}' to '{_provenance(call)}'")


def delete_rule(call: Any) -> Any:
    call.need("alert.provisioning:write")
    _keep_provenance(call)
    del call.org["rules"][_rule(call)["uid"]]
    return {}


def states(call: Any) -> Any:
    groups: dict[tuple[str, str], list[Any]] = {}
    for rule in call.org["rules"].values():
        firing = rule["labels"].get("test") == "firing" and not rule["isPaused"]
        alerts = [{"state": "Alerting", "labels": rule["labels"], "value": "1"}] if firing else []
        told = {
            "name": rule["title"], "state": "firing" if firing else "inactive", "health": "ok",
            "alerts": alerts,
            "lastEvaluation": "2026-01-01T00:00:00Z", "type": "alerting",
        }  # fmt: skip
        if call.newer:
            told["uid"] = rule["uid"]
        groups.setdefault((rule["folderUID"], rule["ruleGroup"]), []).append(told)
    listed = [{"name": name, "file": folder, "rules": rules} for (folder, name), rules in groups.items()]
    return {"status": "success", "data": {"groups": listed}}


def _state(silence: dict[str, Any]) -> str:
    now = datetime.now(UTC)
    if datetime.fromisoformat(silence["endsAt"]) <= now:
        return "expired"
    return "pending" if datetime.fromisoformat(silence["startsAt"]) > now else "active"


def list_silences(call: Any) -> Any:
    return [{**one, "status": {"state": _state(one)}} for one in call.org["silences"].values()]


def add_silence(call: Any) -> Any:
    call.need("alert.silences:create")
    for matcher in call.body["matchers"]:
        if set(matcher) != {"name", "value", "isRegex", "isEqual"}:
            raise Wrong(400, "invalid matchers")
    number = secrets.token_hex(8)
    call.org["silences"][number] = {**call.body, "id": number}
    return {"silenceID": number}


def end_silence(call: Any) -> Any:
    call.need("alert.silences:write")
    found = call.org["silences"].get(call.path["id"])
    if found is None:
        raise Wrong(404, "silence not found")
    found["endsAt"] = datetime.now(UTC).isoformat()
    return {"message": "silence deleted"}


ROUTES = (
    ("GET", _PATH, list_rules),
    ("POST", _PATH, add_rule),
    ("GET", f"{_PATH}/{{uid}}", read_rule),
    ("PUT", f"{_PATH}/{{uid}}", change_rule),
    ("DELETE", f"{_PATH}/{{uid}}", delete_rule),
    ("GET", "/api/prometheus/grafana/api/v1/rules", states),
    ("GET", f"{_SILENCES}/silences", list_silences),
    ("POST", f"{_SILENCES}/silences", add_silence),
    ("DELETE", f"{_SILENCES}/silence/{{id}}", end_silence),
)
