"""What ``plugway doctor`` says about one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``hint`` says what to do where it is not well."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
