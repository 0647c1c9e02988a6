"""Metrics of strangers: whatever they write, one sound text comes out, and it lies about nobody else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from gateway.api.exposition import MOST_BYTES, Merged, Unreadable, read

OPEN = "application/openmetrics-text; version=1.0.0"


def own() -> list[Metric]:
    calls = CounterMetricFamily("plugway_calls", "Calls.", labels=["plugin"])
    calls.add_metric(["notes"], 7)
    return [calls, GaugeMetricFamily("process_open_fds", "Files.", value=3)]


def merged(*texts: str, most: int = 2000) -> Merged:
    together = Merged(own())
    for number, text in enumerate(texts):
        who = {"plugin": f"p{number}", "release": "r", "instance": f"p{number}.1"}
        together.add(read("text/plain", text.encode()), who, most)
    return together


def encoded(together: Merged) -> dict[str, dict[str, float]]:
    """As a scraper reads it back: by series, the values."""

    class All(Collector):
        def collect(self) -> Merged:
            return together

    registry = CollectorRegistry(auto_describe=False)
    registry.register(All())
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            key = str(sorted(sample.labels.items()))
            assert key not in found.setdefault(sample.name, {}), "a series twice"
            found[sample.name][key] = sample.value
    return found


def test_plugins_stand_beside_each_other_under_their_names() -> None:
    text = (
        '# TYPE jobs_total counter\njobs_total{kind="a"} 1\n'
        "# TYPE process_open_fds gauge\nprocess_open_fds 9\n"
    )
    found = encoded(merged(text, text))
    assert len(found["jobs_total"]) == 2
    assert len(found["process_open_fds"]) == 3
    assert any("('plugin', 'p1')" in key and "('kind', 'a')" in key for key in found["jobs_total"])


def test_nobody_speaks_for_another_or_for_the_gateway() -> None:
    text = (
        '# TYPE plugway_calls_total counter\nplugway_calls_total{plugin="notes"} 999\n'
        "# TYPE plugway_new gauge\nplugway_new 1\n"
        '# TYPE jobs gauge\njobs{plugin="notes",instance="notes.1"} 5\n'
    )
    together = merged(text)
    found = encoded(together)
    assert list(found["plugway_calls_total"].values()) == [7.0]
    assert "plugway_new" not in found
    (key,) = found["jobs"]
    assert "('plugin', 'p0')" in key
    assert "('exported_plugin', 'notes')" in key
    assert together.dropped == {"p0": 2}


def test_names_and_types_that_clash_are_left_out() -> None:
    first = "# TYPE a_total counter\na_total 1\n# TYPE b gauge\nb 1\n"
    second = (
        '# TYPE a_total gauge\na_total 5\n# TYPE b histogram\nb_bucket{le="+Inf"} 1\nb_count 1\nb_sum 1\n'
    )
    together = merged(first, second)
    found = encoded(together)
    assert list(found["a_total"].values()) == [1.0]
    assert list(found["b"].values()) == [1.0]
    assert together.dropped == {"p1": 4}


def test_too_many_series_and_twice_the_same() -> None:
    many = "# TYPE a gauge\n" + "".join(f'a{{n="{n}"}} 1\n' for n in range(500)) + 'a{n="1"} 2\n'
    together = merged(many, "# TYPE a gauge\na 1\n", most=100)
    found = encoded(together)
    assert len(found["a"]) == 101, "the others still have their place"
    assert together.dropped == {"p0": 401}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a 1\n" * (MOST_BYTES // 4 + 1), "too-large"),
        (b"\xff\xfe", "not-text"),
        (b"a{" + b'x="1",' * 100_000 + b"} 1\n", "long-line"),
        (b"<html>no</html>", "not-metrics"),
        (b'a{x="1} 1\n', "not-metrics"),
        (b"a one\n", "not-metrics"),
    ],
    ids=["huge", "binary", "many labels", "a page", "open quote", "no number"],
)
def test_what_is_no_exposition_is_refused_whole_and_quickly(text: bytes, why: str) -> None:
    began = time.process_time()
    with pytest.raises(Unreadable, match=why):
        read("text/plain", text)
    assert time.process_time() - began < 20, "no line makes the parser work for ever"


def test_exemplars_and_times_do_not_spoil_the_text() -> None:
    text = (
        '# TYPE h histogram\nh_bucket{le="1.0"} 1 1.5 # {trace="x"} 0.5 1.0\n'
        'h_bucket{le="+Inf"} 1 1.5\nh_count 1 1.5\nh_sum 1 1.5\n# EOF\n'
    )
    together = Merged(own())
    together.add(read(OPEN, text.encode()), {"plugin": "p"})
    assert len(encoded(together)["h_bucket"]) == 2


lines = st.lists(
    st.one_of(
        st.builds(
            '{}{{{}="{}"}} {}\n'.format,
            st.sampled_from(["a", "a_total", "b_bucket", "b_sum", "process_open_fds", "plugway_calls_total"]),
            st.sampled_from(["x", "le", "plugin", "quantile", "__name__"]),
            st.text(st.characters(exclude_characters='\n"\\'), max_size=8),
            st.sampled_from(["1", "NaN", "+Inf", "-3.5", "1e400"]),
        ),
        st.builds(
            "# TYPE {} {}\n".format,
            st.sampled_from(["a", "b", "a_total", "process_open_fds", "plugway_calls"]),
            st.sampled_from(["counter", "gauge", "histogram", "summary", "untyped", "nonsense"]),
        ),
        st.text(max_size=30),
    ),
    max_size=30,
)


@given(first=lines, second=lines, kind=st.sampled_from([OPEN, "text/plain"]))
def test_whatever_they_write_the_text_stays_sound(first: list[str], second: list[str], kind: str) -> None:
    together = Merged(own())
    for number, text in enumerate((first, second)):
        try:
            families = read(kind, "".join(text).encode("utf-8", "surrogatepass"))
        except Unreadable:
            continue
        together.add(families, {"plugin": f"p{number}", "release": "r", "instance": "i"})
    found = encoded(together)
    assert list(found["plugway_calls_total"].values()) == [7.0]
    assert 3.0 in found["process_open_fds"].values()
