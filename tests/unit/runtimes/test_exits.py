from __future__ import annotations

import pytest

from gateway.runtimes.exits import exit_info


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"code": 3, "words": "no disk"}, "It ended with exit code 3. Its last words: no disk"),
        ({"code": 0}, "It ended by itself with exit code 0."),
        ({"killed_by": 15}, "It was killed by SIGTERM."),
        ({"killed_by": 9}, "It was killed by SIGKILL (from outside, or by the system for want of memory)."),
        ({"killed_by": 99}, "It was killed by signal 99."),
        ({}, "It ended while no gateway was there to see how."),
        (
            {"out_of_memory": True, "memory_limit": 64 * 2**20, "code": 137},
            "It ran out of memory: it needed more than its limit of 64 MiB, and was killed.",
        ),
    ],
)
def test_reason_is_a_sentence(facts: dict[str, object], sentence: str) -> None:
    assert exit_info(**facts).reason == sentence  # type: ignore[arg-type]  # one table for all keywords
