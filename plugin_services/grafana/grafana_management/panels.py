"""Panels of a dashboard: what each shows and asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KINDS = {
    "timeseries": "plot",
    "graph": "plot",
    "stat": "figure",
    "singlestat": "figure",
    "gauge": "figure",
    "bargauge": "figure",
    "table": "table",
    "table-old": "table",
    "text": "text",
    "row": "row",
}
"""What the page draws, by Grafana's names; all else is told as not drawn."""
COLUMNS = 24


@dataclass(frozen=True)
class Panel:
    """One panel, with the JSON that it is made of."""

    id: int
    model: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.model.get("type") or "unknown")

    @property
    def kind(self) -> str:
        return KINDS.get(self.type, "other")

    @property
    def place(self) -> tuple[int, int, int, int]:
        """x, y, width and height on a grid of 24 columns."""
        grid = self.model.get("gridPos") or {}

        def number(name: str, default: int) -> int:
            value = grid.get(name, default)
            return int(value) if isinstance(value, int | float) else default

        x = max(0, min(COLUMNS - 1, number("x", 0)))
        return x, max(0, number("y", 0)), max(1, min(COLUMNS - x, number("w", 12))), number("h", 8)

    @property
    def defaults(self) -> Mapping[str, Any]:
        found = (self.model.get("fieldConfig") or {}).get("defaults") or {}
        return found if isinstance(found, dict) else {}

    @property
    def unit(self) -> str:
        return str(self.defaults.get("unit") or self.model.get("format") or "")

    @property
    def decimals(self) -> int | None:
        value = self.defaults.get("decimals")
        return value if isinstance(value, int) and 0 <= value <= 10 else None

    @property
    def calculation(self) -> str:
        """How a figure is made of a series."""
        calcs = ((self.model.get("options") or {}).get("reduceOptions") or {}).get("calcs") or ()
        return str(calcs[0]) if calcs else str(self.model.get("valueName") or "lastNotNull")

    @property
    def text(self) -> str:
        options = self.model.get("options") or {}
        return str(options.get("content") or self.model.get("content") or "")

    @property
    def notes(self) -> list[str]:
        """What of it is not shown as Grafana shows it."""
        found = []
        if self.model.get("transformations"):
            found.append("Grafana changes this data in the browser (transformations); here it is as it came.")
        if repeated := self.model.get("repeat"):
            found.append(f"Grafana repeats this panel for each value of '{repeated}'; here it is once.")
        if self.model.get("timeShift"):
            found.append("Grafana shifts the time of this panel; here it is not shifted.")
        if self.kind == "text" and (self.model.get("options") or {}).get("mode") == "html":
            found.append("This is HTML, shown as text.")
        return found

    @property
    def targets(self) -> list[Mapping[str, Any]]:
        """Its queries that are not switched off."""
        return [
            one for one in self.model.get("targets") or () if isinstance(one, dict) and not one.get("hide")
        ]


def panels(dashboard: Mapping[str, Any]) -> list[Panel]:
    """All of them in their order, those of folded rows as well."""
    found: list[Panel] = []
    seen: set[int] = set()
    for model in _models(dashboard):
        number = model.get("id")
        if not isinstance(number, int) or number in seen:
            number = max(seen, default=0) + 1
        seen.add(number)
        found.append(Panel(number, model))
    return sorted(found, key=lambda panel: (panel.place[1], panel.place[0]))


def _models(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for model in dashboard.get("panels") or ():
        if isinstance(model, dict):
            yield model
            yield from (one for one in model.get("panels") or () if isinstance(one, dict))
    # Dashboards from before Grafana 5 have rows of panels, with spans of twelve.
    y = 0
    for row in dashboard.get("rows") or ():
        x = 0
        for model in row.get("panels") or ():
            width = 2 * int(model.get("span") or 12)
            if x + width > COLUMNS:
                x, y = 0, y + 8
            yield {**model, "gridPos": {"x": x, "y": y, "w": width, "h": 8}}
            x += width
        y += 8
