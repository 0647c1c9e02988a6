"""What is worked out without a server: times, variables, what data become, what changed, what a file asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from grafana_management.changes import changes
from grafana_management.frames import frames, reduced, series, table, thinned
from grafana_management.importing import filled, wanted_inputs
from grafana_management.panels import panels
from grafana_management.problems import Refused
from grafana_management.times import Window, window
from grafana_management.variables import Places, choose, variables
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 31, 12, 30, 15, tzinfo=UTC)


def at(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        ("now-6h", "now", "2026-03-31T06:30:15", "2026-03-31T12:30:15"),
        ("now/d", "now/d", "2026-03-31T00:00:00", "2026-03-31T23:59:59.999"),
        ("now-1d/d", "now-1d/d", "2026-03-30T00:00:00", "2026-03-30T23:59:59.999"),
        ("now/w", "now", "2026-03-30T00:00:00", "2026-03-31T12:30:15"),
        ("now-1M", "now/M", "2026-02-28T12:30:15", "2026-03-31T23:59:59.999"),
        ("now-1y/y", "now-1y/y", "2025-01-01T00:00:00", "2025-12-31T23:59:59.999"),
    ],
)
def test_times(begin: str, end: str, first: str, last: str) -> None:
    assert window(begin, end, NOW) == Window(at(first), at(last))


@pytest.mark.parametrize(("begin", "end"), [("now", "now-1h"), ("now-999999y", "now"), ("yesterday", "now")])
def test_times_that_cannot_be(begin: str, end: str) -> None:
    with pytest.raises(Refused):
        window(begin, end, NOW)


def board(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"templating": {"list": list(entries)}}


HOSTS = {
    "name": "host", "type": "custom", "multi": True, "includeAll": True, "query": "a.b,c",
    "current": {"value": ["$__all"], "text": ["All"]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text", "filled_in"),
    [
        ("prometheus", 'up{host=~"$host"}', 'up{host=~"(a\\.b|c)"}'),
        ("grafana-postgresql-datasource", "host IN ($host)", "host IN ('a.b','c')"),
        ("graphite", "servers.$host.load", "servers.{a.b,c}.load"),
        ("graphite", "${host:pipe} ${host:csv} [[host]]", "a.b|c a.b,c {a.b,c}"),
        ("graphite", "$__interval $__timeFilter(t) $unknown", "15s $__timeFilter(t) $unknown"),
    ],
)
def test_values_are_put_in_as_the_data_source_writes_them(source: str, text: str, filled_in: str) -> None:
    chosen = choose(variables(board(HOSTS)), {})
    assert Places(chosen, {"__interval": "15s"}, source).fill({"q": [text]}) == {"q": [filled_in]}


def test_only_what_was_saved_with_the_dashboard_can_be_chosen() -> None:
    known = variables(board(HOSTS))
    assert choose(known, {"host": ["c"]})["host"][1] == ("c",)
    for wanted in ({"host": ["c'; DROP TABLE users; --"]}, {"other": ["c"]}):
        with pytest.raises(Refused):
            choose(known, wanted)


def answer(*fields: tuple[str, str, list[Any]], **more: Any) -> dict[str, Any]:
    described = [{"name": name, "type": kind, **more} for name, kind, _ in fields]
    return {"frames": [{"schema": {"fields": described}, "data": {"values": [v for *_, v in fields]}}]}


def test_text_beside_numbers_over_time_makes_series() -> None:
    hosts = ("host", "string", ["a", "b", "a", "b"])
    (frame,) = frames(answer(("t", "time", [1, 1, 2, 2]), hosts, ("v", "number", [1, 2, 3, None])))
    drawn = series(frame, 100, "lastNotNull")
    assert [(one.name, one.times, one.values, one.figure) for one in drawn] == [
        ("a", [1, 2], [1.0, 3.0], 3.0),
        ("b", [1, 2], [2.0, None], 2.0),
    ]


def test_labels_name_series_and_not_a_number_is_a_gap() -> None:
    values = ("Value", "number", [float("nan"), "x"])
    (frame,) = frames(answer(("Time", "time", [1, 2]), values, labels={"a": "b"}))
    (one,) = series(frame, 10, "mean")
    assert (one.name, one.values, one.figure) == ("a=b", [None, None], None)


def test_a_table_has_an_end() -> None:
    (frame,) = frames(answer(("n", "number", list(range(5000)))))
    shown = table(frame)
    assert (len(shown.rows), shown.total) == (1000, 5000)


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=300), st.integers(10, 50))
def test_no_peak_is_lost_where_points_are(values: list[float | None], points: int) -> None:
    kept = thinned(list(enumerate(values)), points)
    assert len(kept) <= max(points, 2)
    assert [time for time, _ in kept] == sorted({time for time, _ in kept})
    known = [value for value in values if value is not None]
    left = [value for _, value in kept if value is not None]
    assert (min(known, default=0), max(known, default=0)) == (min(left, default=0), max(left, default=0))


@pytest.mark.parametrize(
    ("calculation", "figure"),
    [
        ("last", None),
        ("lastNotNull", 4.0),
        ("mean", 3.0),
        ("max", 4.0),
        ("first", 2.0),
        ("range", 2.0),
        ("?", 4.0),
    ],
)
def test_figures(calculation: str, figure: float | None) -> None:
    assert reduced([2.0, 3.0, 4.0, None], calculation) == figure


def test_what_changed_is_told_by_name() -> None:
    before = {"title": "a", "version": 1, "panels": [{"id": 1, "title": "x"}, {"id": 2, "title": "gone"}]}
    after = {"title": "a", "version": 2, "panels": [{"id": 3, "title": "new"}, {"id": 1, "title": "y"}]}
    assert [(one.path, one.before, one.after) for one in changes(before, after)] == [
        ("panels[3]", None, '{"id": 3, "title": "new"}'),
        ("panels[1].title", "x", "y"),
        ("panels[2]", '{"id": 2, "title": "gone"}', None),
    ]


def test_inputs_of_a_file_are_found_and_filled() -> None:
    model = {
        "__inputs": [
            {"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"},
            {"name": "VAR_X", "type": "constant"},
        ],
        "panels": [{"datasource": "${DS_PROM}", "title": "${other}"}],
    }
    assert wanted_inputs(model) == {"DS_PROM": "prometheus", "VAR_X": "constant"}
    assert filled(model["panels"], {"DS_PROM": "p1"}) == [{"datasource": "p1", "title": "${other}"}]


def test_panels_of_old_and_folded_rows_are_found() -> None:
    old = {"rows": [{"panels": [{"id": 1, "span": 6}, {"id": 2, "span": 6}, {"id": 2, "span": 6}]}]}
    assert [(one.id, one.place) for one in panels(old)] == [
        (1, (0, 0, 12, 8)),
        (2, (12, 0, 12, 8)),
        (3, (0, 8, 12, 8)),
    ]
    folded = {"panels": [{"id": 7, "type": "row", "collapsed": True, "panels": [{"id": 8, "type": "stat"}]}]}
    assert [one.kind for one in panels(folded)] == ["row", "figure"]
