"""A panel's queries as Grafana's data sources take them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from plugway_sdk.web.problems import Refusal

from grafana_management.links import Link
from grafana_management.panels import Panel
from grafana_management.times import Window
from grafana_management.variables import Chosen, Places

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NOT_HERE = "-- Dashboard --"
_BUILT_IN = {"-- Grafana --": "grafana", "grafana": "grafana"}


def seconds(text: Any) -> int:
    """``30s`` as 30; 0 for all that is no such time."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", str(text or ""))
    return int(found[1]) * _UNITS[found[2]] if found else 0


async def build(
    link: Link, panel: Panel, chosen: Chosen, span: Window, points: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body to send, and why queries are not in it, by their names."""
    if panel.kind in ("text", "row"):
        return {"queries": []}, {}
    if own := seconds(panel.model.get("timeFrom")):
        span = replace(span, begin=span.end - own * 1000)
    step = span.step(points)
    problems: dict[str, str] = {}
    wanted = []
    sources = _Sources(link)
    for at, target in enumerate(panel.targets):
        name = str(target.get("refId") or chr(ord("A") + at % 26))
        try:
            source = await sources.find(target.get("datasource") or panel.model.get("datasource"), chosen)
        except Refusal as refusal:
            problems[name] = refusal.detail
            continue
        if source["uid"] == _NOT_HERE:
            problems[name] = "This takes the data of another panel, which only Grafana's own page does."
            continue
        filled = Places(chosen, _words(span, step), str(source.get("type") or "")).fill(dict(target))
        about = {"refId": name, "datasource": source, "intervalMs": step, "maxDataPoints": points}
        wanted.append({**filled, **about})
    body = {"queries": wanted, "from": str(span.begin), "to": str(span.end)}
    return body, problems


def _words(span: Window, step: int) -> dict[str, str]:
    """What Grafana's page puts in for its own variables."""
    length = (span.end - span.begin) // 1000
    return {
        "__interval": f"{step // 1000}s",
        "__interval_ms": str(step),
        "__range": f"{length}s",
        "__range_s": str(length),
        "__range_ms": str(length * 1000),
        "__from": str(span.begin),
        "__to": str(span.end),
    }


class _Sources:
    """Which data source is meant by a name, a variable, or by nothing."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._all: list[dict[str, Any]] | None = None

    async def find(self, given: Any, chosen: Chosen) -> dict[str, Any]:
        """``uid`` and ``type``, the latter empty where nobody knows it; raises Refusal."""
        filled = Places(chosen, {}, "").fill(given)
        uid = filled.get("uid") if isinstance(filled, dict) else filled
        kind = str(filled.get("type") or "") if isinstance(filled, dict) else ""
        if uid in _BUILT_IN:
            return {"uid": "grafana", "type": "datasource"}
        if uid == _NOT_HERE or (uid and kind and not isinstance(given, str) and uid != "default"):
            return {"uid": str(uid), "type": kind}
        return await self._known(str(uid or ""))

    async def _known(self, wanted: str) -> dict[str, Any]:
        if self._all is None:
            found = await self._link.server.recent.get(
                (self._link.organisation, "data sources"), lambda: self._link.get("/api/datasources")
            )
            self._all = list(found)
        for source in self._all:
            default = wanted in ("", "default", "-- Mixed --") and source.get("isDefault")
            if default or wanted in (source.get("uid"), source.get("name")):
                return {"uid": source["uid"], "type": source.get("type", "")}
        if wanted and wanted != "default":
            return {"uid": wanted, "type": ""}
        raise Refusal("The query names no data source, and there is no default one.")
