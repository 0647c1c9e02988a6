"""The dashboard and the alert rules name nothing that a real gateway does not show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.running import ROOT, gateway

pytestmark = pytest.mark.timeout(180)
MONITORING = ROOT / "deploy" / "monitoring"
METRIC = re.compile(r"\b(?:plugway|process)_[a-z_]+\b")
EXPRESSION = re.compile(r"expr: (?:>\n((?: {10}.*\n)+)|(.*)\n)")
_SELECTOR = re.compile(r"\b((?:plugway|process)_[a-z_]+)\{([^}]*)\}")
_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}


def dashboard() -> dict[str, Any]:
    return dict(json.loads((MONITORING / "plugway-dashboard.json").read_text()))


def expressions() -> list[str]:
    """All of both files."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    found += [variable["query"] for variable in dashboard()["templating"]["list"]]
    alerts = (MONITORING / "plugway-alerts.yaml").read_text()
    rules = [folded or plain for folded, plain in EXPRESSION.findall(alerts)]
    assert len(rules) == alerts.count("- alert:") == alerts.count("summary:")
    return found + rules


async def test_every_metric_and_label_is_in_a_real_scrape(tmp_path: Path) -> None:
    async with gateway(tmp_path / "home", "process", {"PLUGWAY_INSTALL": "notes"}) as running:
        await running.healthy("notes", 90)
        assert (await running.client.get("/plugins/notes/api/notes")).status_code == 200
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        answer = await running.client.get("/metrics", headers=accept)
    names: set[str] = set()
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(answer.text):  # type: ignore[no-untyped-call]
        for name in (family.name, *(family.name + part for part in _PARTS.get(family.type, ()))):
            names.add(name)
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    asked = expressions()
    assert len(asked) > 20
    for expression in asked:
        for name in METRIC.findall(expression):
            assert name in names, expression
        for name, selector in _SELECTOR.findall(expression):
            for label in re.findall(r"(\w+)=~?\"", selector):
                assert name not in labels or label in labels[name], expression
    assert "plugway_calls_total" in labels, "some had samples, so that labels were looked at"


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
