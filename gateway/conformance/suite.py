"""All checks, in the order in which they are run and told."""

from __future__ import annotations

from gateway.conformance import (
    calls,
    cancelling,
    configuring,
    draining,
    health,
    negotiating,
    stopping,
    streaming,
    telling,
)
from gateway.conformance.check import Check

_MODULES = (
    negotiating, health, configuring, calls, streaming, telling, cancelling, draining, stopping
)  # fmt: skip

SUITE: tuple[Check, ...] = tuple(check for module in _MODULES for check in module.group.checks)
