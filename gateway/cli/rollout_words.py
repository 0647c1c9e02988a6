"""A rollout in words: what each phase means, how both sides do, how it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.cli.exits import Exit

Rollout = Mapping[str, Any]

ENDED = ("succeeded", "rolled-back", "superseded")
SETTLED = (*ENDED, "rollback-paused")
"""Phases after which nothing more happens by itself, and that are no pause."""

_MEANING = {
    "pending": "asked for",
    "starting": "{new} starts beside {old}",
    "verifying": "contract, settings and health of {new} are checked",
    "promoting": "everyone goes to {new}",
    "baking": "everyone is on {new}; {old} stays warm",
    "draining": "{old} finishes its calls",
    "succeeded": "{new} stays",
    "aborting": "everyone goes back to {old}",
    "rolled-back": "{old} serves as before",
}


def heading(rollout: Rollout) -> str:
    """``notes 1.0.0 > 2.0.0, canary``"""
    back = ", a rollback" if rollout["isRollback"] else ""
    moves = f"{old(rollout)} > {new(rollout)}"
    if rollout["changesSettings"]:
        moves = f"{new(rollout)}, {_settings(rollout)}"
    return f"{rollout['plugin']} {moves}, {rollout['strategy']}{back}"


def phase_name(rollout: Rollout, phase: str, step: int) -> str:
    """The phase, with the number of the step where there are several."""
    steps = rollout["steps"]
    return f"canary {step + 1}/{len(steps)}" if phase == "canary" and steps else phase


def meaning(rollout: Rollout, phase: str, step: int) -> str:
    """What happens in a phase; empty where its reason says it."""
    if phase == "canary":
        return _step(rollout, step)
    return _MEANING.get(phase, "").format(new=new(rollout), old=old(rollout))


def entry_line(rollout: Rollout, entry: Mapping[str, Any]) -> str:
    """One transition: ``12:00:01  canary 1/2  10 % of new sessions go to 2.0.0 for 60s``."""
    phase, step = entry["phase"], entry["step"]
    name = phase_name(rollout, phase, step)
    said = [meaning(rollout, phase, step), entry["reason"]]
    return f"{entry['at'][11:19]}  {name:<15}  {': '.join(filter(None, said))}".rstrip()


def side_line(rollout: Rollout) -> str:
    """Both sides in numbers: ``2.0.0: 10 %, 120 calls, 0 errors, median 4 ms; 1.0.0: 90 %, ...``."""
    return "; ".join(_side(rollout[name]) for name in ("candidate", "stable"))


def median(side: Mapping[str, Any]) -> str:
    """Upper bound of the median, as it is measured in buckets; a dash without calls."""
    return f"{side['medianSeconds'] * 1000:g} ms" if side["calls"] else "-"


def next_line(rollout: Rollout) -> str:
    """What a person can do where the rollout waits for one; empty elsewhere."""
    id_ = rollout["plugin"]
    if rollout["phase"] == "rollback-paused":
        return f"Go back all the same: plugway abort {id_} --force. Stay: plugway promote {id_}"
    if rollout["phase"] != "paused":
        return ""
    if rollout["heldFor"] and not rollout["approved"]:
        return f"Agree: plugway promote {id_} --yes. Go back: plugway abort {id_}"
    return f"Go on: plugway resume {id_}. To everyone: plugway promote {id_}. Go back: plugway abort {id_}"


def outcome(rollout: Rollout) -> str:
    """One sentence about a settled rollout."""
    id_, reason = rollout["plugin"], rollout["reason"]
    cut = f" Cut, as they outlasted the drain: {_count(rollout['cut'], 'call')}." if rollout["cut"] else ""
    match rollout["phase"]:
        case "succeeded" if rollout["changesSettings"]:
            return f"{id_} runs with {_settings(rollout)}.{cut}"
        case "rolled-back" if rollout["changesSettings"]:
            return f"{id_} is back at the settings before. {reason}".rstrip() + cut
        case "succeeded":
            return f"{id_} is at {new(rollout)}.{cut}"
        case "rolled-back":
            return f"{id_} is back at {old(rollout)}. {reason}".rstrip() + cut
        case "superseded":
            return f"{id_} stays at {old(rollout)} for now. {reason}".rstrip()
        case _:
            return f"Going back from {new(rollout)} waits for a decision. {reason}".rstrip()


def exit_of(rollout: Rollout, *, back: bool = False) -> Exit:
    """0 where it ended as wanted; ``back`` says that going back was."""
    wanted = "rolled-back" if back and not rollout["isRollback"] else "succeeded"
    return Exit.OK if rollout["phase"] == wanted else Exit.TAKEN_BACK


def duration(seconds: float) -> str:
    """``45s``, ``2m``, ``1h30m``: whole units, as the options take them."""
    if seconds < 60 or seconds != int(seconds):
        return f"{seconds:g}s"
    hours, minutes, rest = int(seconds) // 3600, int(seconds) // 60 % 60, int(seconds) % 60
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)


def steps_text(steps: Iterable[Mapping[str, Any]]) -> str:
    """Steps as ``--steps`` takes them."""
    return ",".join(
        f"{s['weight']}:{'hold' if s['seconds'] is None else duration(s['seconds'])}" for s in steps
    )


def new(rollout: Rollout) -> str:
    return str(rollout["candidate"]["version"])


def old(rollout: Rollout) -> str:
    return str(rollout["stable"]["version"])


def _settings(rollout: Rollout) -> str:
    return "the settings before" if rollout["isRollback"] else "new settings"


def _step(rollout: Rollout, step: int) -> str:
    if step >= len(rollout["steps"]):
        return ""
    weight, seconds = rollout["steps"][step]["weight"], rollout["steps"][step]["seconds"]
    if weight == 0:
        return f"{new(rollout)} is up beside {old(rollout)}, for testers only"
    until = "until someone goes on" if seconds is None else f"for {duration(seconds)}"
    return f"{weight} % of new sessions go to {new(rollout)} {until}"


def _side(side: Mapping[str, Any]) -> str:
    return (
        f"{side['version']}: {side['weight']} % of new sessions, {_count(side['calls'], 'call')}, "
        f"{_count(side['errors'], 'error')}, median {median(side)}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
