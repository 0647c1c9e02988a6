"""All checks, in the order in which they are run and told."""

from __future__ import annotations

from gateway.conformance import calls, configuring, ending, health, negotiating, streaming, telling
from gateway.conformance.check import Check

SUITE: tuple[Check, ...] = tuple(
    check
    for module in (negotiating, health, configuring, calls, streaming, telling, ending)
    for check in module.group.checks
)
