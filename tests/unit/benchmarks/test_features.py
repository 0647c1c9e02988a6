from __future__ import annotations

import pytest

from tests.benchmarks.features import difference, features, table


def test_a_difference_is_judged_within_rounds_so_that_a_busy_machine_cancels_out() -> None:
    beside = [100.0, 400.0, 110.0, 105.0, 900.0]
    costs = [110.0, 412.0, 120.0, 113.0, 910.0]
    middle, spread = difference(list(zip(costs, beside, strict=True)))
    assert middle == pytest.approx(10.0)
    assert spread == pytest.approx(0.0)
    assert difference([(cost, cost) for cost in costs]) == (0.0, 0.0)


def test_each_feature_is_one_whole_request_and_is_compared_with_one_that_is_measured() -> None:
    chosen = features("/page.js")
    names = {feature.name for feature in chosen}
    assert len(names) == len(chosen)
    for feature in chosen:
        head, end, body = feature.message.partition(b"\r\n\r\n")
        assert end
        assert head.startswith((b"GET /", b"POST /"))
        assert (b"content-length: %d" % len(body) in head) == bool(body)
        assert feature.beside in names | {""}
    rows = table({feature.name: [(100.0, 100.0), (110.0, 110.0)] for feature in chosen}).splitlines()
    assert len(rows) == len(chosen) + 2
    assert rows[3].endswith("| 105 us | +0.0 +- 0.0 us |")
