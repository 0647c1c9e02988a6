"""What calls may use, and how many there may be: of one plugin, one user, one route. Nothing mutable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``per_second`` calls a second in the long run, ``burst`` of them at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuota:
    """What the calls to a path and those below it may take; empty ``methods`` means all.

    A segment in braces stands for any.
    """

    path: str
    methods: frozenset[str] = frozenset()
    rate: Rate | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How a plugin may be called: by all, by each user, at a route. None where nothing was said."""

    rate: Rate | None = None
    concurrent: int | None = None
    user_rate: Rate | None = None
    user_concurrent: int | None = None
    routes: tuple[RouteQuota, ...] = ()

    @property
    def gated(self) -> bool:
        """Whether single calls have to be held against them."""
        return bool(self.rate or self.user_rate or self.user_concurrent or self.routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may use, and how many there may be. Sizes in bytes, times in seconds."""

    max_body: int = 10 * 2**30
    timeout: float = 60.0
    stream_idle: float = 300.0
    body_idle: float = 30.0
    max_concurrent: int = 512
    quotas: Quotas = Quotas()
