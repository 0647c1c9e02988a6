from __future__ import annotations

from typing import Any

from gateway.cli.sandbox_words import sandbox_words, surroundings


def instance(
    level: str = "docker", network: str = "none", lacks: list[str] | None = None, **relay: Any
) -> dict[str, Any]:
    way = {"granted": [], "unmet": [], "problem": "", "refusals": 0, "refusedAt": None, "lastRefusal": ""}
    return {
        "id": "a.1",
        "sandbox": {"level": level, "network": network, "holds": [], "lacks": lacks or []},
        "relay": {**way, **relay} if relay else None,
    }


def test_nothing_is_claimed_for_a_process_or_for_what_runs_elsewhere() -> None:
    process = instance("none", "this machine's")
    assert sandbox_words(process) == "none"
    assert list(surroundings(process)) == []
    remote = {"id": "a.1", "sandbox": None, "relay": None}
    assert sandbox_words(remote) == "unknown"
    assert list(surroundings(remote)) == []


def test_a_whole_sandbox() -> None:
    assert sandbox_words(instance()) == "docker"
    assert list(surroundings(instance())) == ["a.1: no network"]


def test_what_is_missing_is_said() -> None:
    loose = instance(lacks=["init", "memory limit"], network="bridge default")
    assert sandbox_words(loose) == "docker, not whole"
    assert list(surroundings(loose)) == [
        "a.1: its sandbox lacks: init, memory limit",
        "a.1: network: bridge default",
    ]


def test_destinations_and_refusals() -> None:
    lines = list(
        surroundings(
            instance(
                granted=[f"h{n}:1" for n in range(7)],
                unmet=["settings:/url: the setting names no port"],
                refusals=3,
                lastRefusal="A connection to x:1 is not granted to this plugin.",
            )
        )
    )
    assert lines[0] == "a.1: no network; by the relay: h0:1, h1:1, h2:1, h3:1, h4:1 and 2 more"
    assert lines[1] == "a.1: settings:/url: the setting names no port"
    assert lines[2].startswith("a.1: connections that were not made: 3, the last")
    assert "x:1 is not granted" in lines[2]
    assert next(surroundings(instance(granted=[]))).endswith("by the relay: nothing")
