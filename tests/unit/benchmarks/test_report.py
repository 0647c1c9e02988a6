from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import proxies
from tests.benchmarks.__main__ import names_of
from tests.benchmarks.cases import CASES, MIB
from tests.benchmarks.document import put_into
from tests.benchmarks.field import TITLES, Missing, check_programs
from tests.benchmarks.regression import Ratio, load, middle, ratios, worse
from tests.benchmarks.report import judged, table
from tests.benchmarks.runner import Found

RUN = {
    "small": {
        "direct": Found(cpu_us=100, per_second=5000, busy=0.5, p50_ms=0.4, p99_ms=1.0),
        "gateway": Found(cpu_us=150, per_second=6000, busy=0.99, p50_ms=0.8, p99_ms=2.0),
        "envoy": Found(cpu_us=100),
        "fastapi": Found(cpu_us=1500),
    },
    "down": {
        "gateway": Found(cpu_us=150_000, per_second=4.0, busy=0.5, memory=2 * MIB),
        "nginx": Found(cpu_us=50_000, per_second=9.0, busy=0.4, memory=0),
    },
    "events": {"gateway": Found(memory=20_000), "fastapi": Found(memory=40_000)},
}


def test_goals_are_judged_by_the_run_alone() -> None:
    held = dict(judged(RUN))
    assert held == {
        "small call at most 1.6 x Envoy's CPU: 1.50": True,
        "small call at least 8 x below FastAPI + httpx: 10.0": True,
        "100 MiB down at half of nginx's rate at least: 0.44": False,
        "100 MiB down in flat memory: grew by 2.0 MiB, under 24": True,
        "an idle event stream under 30 KiB: 19.5": True,
        "p50 of a small call under 0.5 ms above the direct one: 0.40": True,
    }
    assert dict(judged({"small": {"gateway": RUN["small"]["gateway"]}})) == {}


def test_a_row_says_what_bounds_the_rate_and_compares_with_ours() -> None:
    rows = table(RUN).splitlines()
    assert "| small JSON | direct gRPC (floor) | 100 us | 0.67 x | > 5000/s | 0.40 ms | 1.00 ms |  |" in rows
    assert "| small JSON | this gateway | 150 us | 1.00 x | 6000/s | 0.80 ms | 2.00 ms |  |" in rows
    assert "| 100 MiB down | this gateway | 150.0 ms | 1.00 x | > 400 MiB/s |  |  | 2.0 MiB |" in rows


def test_ratios_are_ours_over_theirs_by_what_the_case_is_about() -> None:
    found = {ratio.key: ratio.ratio for ratio in ratios(RUN)}
    assert found[("small", "fastapi", "cpu_us")] == 0.1
    assert found[("small", "direct", "cpu_us")] == 1.5
    assert found[("events", "fastapi", "memory")] == 0.5


def test_worse_by_more_than_the_tolerance_is_told_in_words() -> None:
    stored = [Ratio("small", "direct", "cpu_us", 1.2, 0.2), Ratio("small", "fastapi", "cpu_us", 0.1, 0.2)]
    fresh = ratios(RUN)
    assert list(worse(fresh, stored)) == [
        (
            "small",
            "small JSON: CPU beside direct gRPC (floor) is 1.500, was 1.200: 25% worse, and 20% are allowed",
        )
    ]
    within = [Ratio("small", "direct", "cpu_us", 1.26, 0.2)]
    assert list(worse(fresh, within)) == []


def test_what_was_stored_and_not_measured_is_no_pass() -> None:
    stored = [Ratio("typed", "direct", "cpu_us", 1.8, 0.2)]
    assert [words for _, words in worse([], stored)] == [
        "typed call: CPU beside direct gRPC (floor) was not measured"
    ]


def test_the_stored_ratios_are_of_known_cases_and_peers() -> None:
    stored = load()
    assert {ratio.case for ratio in stored} == set(CASES)
    assert {ratio.peer for ratio in stored} == {"direct", "fastapi"}
    assert all(ratio.ratio > 0 and 0 < ratio.tolerance <= 1 for ratio in stored)


def test_a_missing_program_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "program", lambda name: None)
    with pytest.raises(Missing) as missing:
        check_programs(["direct", "gateway", "nginx", "haproxy"])
    assert str(missing.value).splitlines() == [
        "nginx is not installed: apt-get install nginx",
        "haproxy is not installed: apt-get install haproxy",
        "To measure without: --peers direct,gateway",
    ]
    check_programs(["direct", "gateway"])


def test_a_table_replaces_the_one_in_a_document_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- peers -->\nold\n<!-- /peers -->\nafter\n")
    put_into(document, "peers", "| new |")
    assert document.read_text() == "before\n<!-- peers -->\n\n| new |\n\n<!-- /peers -->\nafter\n"
    put_into(document, "peers", "| newer |")
    assert document.read_text().count("newer") == 1
    with pytest.raises(ValueError, match="has no <!-- features -->"):
        put_into(document, "features", "| x |")


def test_names_are_taken_in_their_usual_order_and_unknown_ones_refused() -> None:
    assert names_of(TITLES, "--peers", "nginx, gateway") == ["gateway", "nginx"]
    assert names_of(TITLES, "--peers", "") == list(TITLES)
    with pytest.raises(ValueError, match="--peers: unknown caddy; there are direct"):
        names_of(TITLES, "--peers", "caddy")


def test_the_middle_of_the_runs_is_stored() -> None:
    runs = [
        [Ratio("small", "direct", "cpu_us", small, 0.2), Ratio("up", "direct", "cpu_us", up, 0.35)]
        for small, up in ((1.2, 0.8), (1.6, 1.2), (1.3, 1.4))
    ]
    assert [(one.case, one.ratio) for one in middle(runs)] == [("small", 1.3), ("up", 1.2)]
