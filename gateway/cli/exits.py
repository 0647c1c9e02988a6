"""Exit codes, and errors as the command line tells them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from gateway.errors import BadInput, NotFound, PlugwayError


class Exit(IntEnum):
    """What scripts can rely on. ``plugway --help`` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_REACHABLE = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    REFUSED = 6
    TIMED_OUT = 7
    TAKEN_BACK = 8


EXIT_HELP = """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 gateway not reachable, 4 not found,
5 not allowed, 6 input refused, 7 timed out, 8 the rollout that was watched did not stay."""

_BY_STATUS = {
    400: Exit.REFUSED,
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    413: Exit.REFUSED,
    422: Exit.REFUSED,
}


class Failure(Exception):
    """Ends the command: a problem document (RFC 9457) and an exit code."""

    def __init__(self, code: Exit, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.code = code
        self.problem = dict(problem)


def failure(code: Exit, detail: str, hint: str = "") -> Failure:
    """A failure found here rather than told by the gateway."""
    key = code.name.lower().replace("_", "-")
    problem = {"type": f"urn:plugway:problem:cli-{key}", "title": detail, "detail": detail}
    return Failure(code, {**problem, "hint": hint} if hint else problem)


def from_problem(status: int, problem: Mapping[str, Any]) -> Failure:
    """What the gateway refused."""
    hint = problem.get("hint", "")
    if status == 401 and not hint:
        hint = "Set PLUGWAY_TOKEN, or PLUGWAY_HOME to the gateway's state directory."
    return Failure(_BY_STATUS.get(status, Exit.FAILED), {**problem, "hint": hint} if hint else problem)


def from_error(error: PlugwayError) -> Failure:
    """An error of the gateway's own code that ran here."""
    code = Exit.REFUSED if isinstance(error, BadInput) else Exit.FAILED
    return Failure(Exit.NOT_FOUND if isinstance(error, NotFound) else code, error.problem())
