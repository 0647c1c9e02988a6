"""What a check is, and the ways in which one ends without having passed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.conformance.subject import Subject

Act = Callable[["Subject"], Awaitable[str]]
"""Looks at the plugin; returns what was seen, or raises one of the exceptions below."""


class Broken(Exception):
    """The plugin does not keep the promise."""

    def __init__(self, seen: str, hint: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.hint = hint


class NotApplicable(Exception):
    """The plugin has nothing that the promise is about."""


class NotTried(Exception):
    """It could not be tried here; the text says what is missing."""


class Scene(StrEnum):
    """Checks of one scene share an instance; only those of ``MAIN`` leave it as they found it."""

    MAIN = "main"
    CANCEL = "cancel"
    DEADLINE = "deadline"
    LEAVE = "leave"
    DRAIN = "drain"
    CUT = "cut"
    INTERRUPT = "interrupt"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise. ``route`` names the entry of ``[check]`` that it needs; ``configured``, settings."""

    id: str
    promise: str
    act: Act
    scene: Scene = Scene.MAIN
    route: str = ""
    configured: bool = False


class Group:
    """The checks of one module, in the order in which they are written down."""

    def __init__(self, scene: Scene = Scene.MAIN) -> None:
        self._scene = scene
        self.checks: list[Check] = []

    def check(
        self,
        id_: str,
        promise: str,
        *,
        scene: Scene | None = None,
        route: str = "",
        configured: bool = False,
    ) -> Callable[[Act], Act]:
        """Make a check of the function below; ``configured`` is meant where a ``route`` is."""

        def keep(act: Act) -> Act:
            self.checks.append(
                Check(
                    id=id_,
                    promise=promise,
                    act=act,
                    scene=scene or self._scene,
                    route=route,
                    configured=configured or bool(route),
                )
            )
            return act

        return keep


def require(holds: bool, seen: str, hint: str = "") -> None:
    """Raises :class:`Broken` where the promise is not kept."""
    if not holds:
        raise Broken(seen, hint)
