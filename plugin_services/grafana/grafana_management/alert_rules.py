"""Alert rules that Grafana itself manages: what they are, their state, pausing."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from grafana_management.dependencies import (
    Confirm,
    Done,
    FolderUid,
    Limit,
    Page,
    Reading,
    Search,
    Uid,
    Writing,
    confirmed,
    cut,
    matches,
)
from grafana_management.links import Link

router = new_router("alerts", "/alert-rules")
_RULES = "/api/v1/provisioning/alert-rules"
_BY_API = "api"
"""The provenance of what was made by this API, and by nobody's file."""
_ORDER = {"firing": 0, "pending": 1, "recovering": 2, "inactive": 4}
State = Annotated[str, Query(pattern=r"^(firing|pending|recovering|inactive)?$")]


class AlertRule(ApiModel):
    """One rule; ``state`` and ``health`` are null where the server does not tell."""

    uid: str
    title: str
    folder: str
    group: str
    state: str | None = Field(description="firing, pending, inactive, ...")
    health: str | None = Field(description="ok, error, nodata, ...")
    problem: str
    evaluated: str | None
    firing: int = Field(description="How many alerts of it fire.")
    paused: bool
    labels: dict[str, str]
    provisioned: bool = Field(description="It comes from elsewhere, and changes only there.")


class AlertRulePage(ApiModel):
    """Some rules: those that fire first."""

    rules: list[AlertRule]
    more: bool
    total: int
    firing: int
    problem: str = Field(description="Why states are not known; empty where they are.")


class AlertRuleDetails(AlertRule):
    """One rule with what it does."""

    condition: str
    waits: str = Field(description="For how long the condition has to hold.")
    no_data: str
    on_error: str
    annotations: dict[str, str]
    queries: list[dict[str, Any]] = Field(description="What it asks, as Grafana keeps it.")


class Pause(ApiModel):
    """Whether it is not to be evaluated."""

    paused: bool


States = dict[Any, dict[str, Any]]


async def _states(link: Link) -> tuple[States, str]:
    """What the evaluation says of each rule, by uid and by folder, group and title; and why not."""
    try:
        found = await link.get("/api/prometheus/grafana/api/v1/rules")
    except Refusal as refusal:
        return {}, refusal.detail
    states: States = {}
    for group in (found.get("data") or {}).get("groups") or ():
        for rule in group.get("rules") or ():
            if uid := rule.get("uid"):
                states[uid] = rule
            # Grafana 10 tells no uid here, and the folder by its title or its uid.
            for folder in (group.get("folderUid"), group.get("file"), ""):
                states.setdefault((folder, group.get("name"), rule.get("name")), rule)
    return states, ""


def _rule(entry: dict[str, Any], states: States) -> AlertRule:
    key = (entry.get("ruleGroup"), entry.get("title"))
    state = (
        states.get(entry["uid"]) or states.get((entry.get("folderUID"), *key)) or states.get(("", *key)) or {}
    )
    alerts = [one for one in state.get("alerts") or () if str(one.get("state", "")).lower() == "alerting"]
    return AlertRule(
        uid=str(entry["uid"]),
        title=str(entry.get("title", "")),
        folder=str(entry.get("folderUID") or ""),
        group=str(entry.get("ruleGroup") or ""),
        state=state.get("state"),
        health=state.get("health"),
        problem=str(state.get("lastError") or ""),
        evaluated=state.get("lastEvaluation"),
        firing=len(alerts),
        paused=bool(entry.get("isPaused")),
        labels=entry.get("labels") or {},
        provisioned=entry.get("provenance") not in (None, "", _BY_API),
    )


@router.get("")
async def list_alert_rules(
    link: Reading,
    search: Search = "",
    folder: FolderUid = "",
    state: State = "",
    page: Page = 1,
    limit: Limit = 100,
) -> AlertRulePage:
    """Rules with their states, page by page."""
    entries, (states, problem) = await asyncio.gather(link.get(_RULES), _states(link))
    rules = [_rule(entry, states) for entry in entries if folder in ("", entry.get("folderUID"))]
    rules = [rule for rule in rules if matches(search, rule.title, rule.group, *rule.labels.values())]
    firing = sum(rule.state == "firing" for rule in rules)
    if state:
        rules = [rule for rule in rules if rule.state == state]
    rules.sort(key=lambda rule: (_ORDER.get(rule.state or "", 3), rule.group.lower(), rule.title.lower()))
    shown, more = cut(rules, page, limit)
    return AlertRulePage(rules=shown, more=more, total=len(rules), firing=firing, problem=problem)


@router.get("/{uid}")
async def read_alert_rule(link: Reading, uid: Uid) -> AlertRuleDetails:
    """One rule."""
    entry, (states, _) = await asyncio.gather(link.get(f"{_RULES}/{uid}"), _states(link))
    return AlertRuleDetails(
        **_rule(entry, states).model_dump(),
        condition=str(entry.get("condition") or ""),
        waits=str(entry.get("for") or ""),
        no_data=str(entry.get("noDataState") or ""),
        on_error=str(entry.get("execErrState") or ""),
        annotations=entry.get("annotations") or {},
        queries=entry.get("data") or [],
    )


@router.put("/{uid}/paused")
async def pause_alert_rule(link: Writing, uid: Uid, pause: Pause) -> Done:
    """Stop evaluating it, or go on. While it is paused it cannot fire."""
    entry = await link.get(f"{_RULES}/{uid}")
    await link.send("PUT", f"{_RULES}/{uid}", {**entry, "isPaused": pause.paused}, _as_it_was(entry))
    return Done()


@router.delete("/{uid}")
async def delete_alert_rule(link: Writing, uid: Uid, confirm: Confirm) -> Done:
    """Delete it."""
    entry = await link.get(f"{_RULES}/{uid}")
    confirmed(confirm, str(entry["title"]))
    await link.send("DELETE", f"{_RULES}/{uid}", headers=_as_it_was(entry))
    return Done()


def _as_it_was(entry: dict[str, Any]) -> dict[str, str]:
    # Without it, what was made in Grafana's own pages could from then on be changed by this API only; with
    # it, Grafana refuses to change what was made by this API.
    return {} if entry.get("provenance") == _BY_API else {"x-disable-provenance": "true"}
