"""A grade from A to E for how far a plugin has to be trusted blindly, with every reason for it. Pure.

It is no judgement: what may run is decided by the policy alone. A further permission, failure or missing
part of the sandbox never raises it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.runtimes.base import Sandbox

GRADES = (("A", 85), ("B", 70), ("C", 50), ("D", 30), ("E", 0))
"""The least points of each, of 100."""

_SHIPPED, _SIGNED = 35, 30
_PINNED = 10
_NO_CONNECTIONS, _CONNECTION = 20, 4
_VOLUME, _MOST_VOLUMES = 1, 3
_PUBLIC, _MOST_PUBLIC = 3, 9
_ORIGIN, _MOST_ORIGINS = 3, 9
_SANDBOX, _LACK, _LEAST_SANDBOX = 35, 5, 5
_UNHELD = 10
_NETWORK = 15
_QUARANTINE = 20
_FAILURE, _MOST_FAILURES = 2, 8
_FEW, _SOME, _MANY = 1, 10, 100
_BEYOND = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is known before it runs.

    ``remote``: somebody else runs it, who proves to be ``identity`` where that is not empty. ``behind``:
    its page lies here, and somebody else runs the API that answers it.
    ``offered``: a signature is there that nobody has judged yet. ``refusal`` says why it is trusted no more.
    """

    shipped: bool = False
    signer: str = ""
    offered: bool = False
    refusal: str = ""
    remote: bool = False
    behind: bool = False
    identity: str = ""
    egress: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen of it while it ran. Counts since the gateway began.

    ``sandboxes`` are those of its instances; ``failures`` counts instances that ended or were replaced
    for a fault, ``failed_calls`` calls without a fit answer, ``refusals`` what the relay did not connect.
    """

    sandboxes: tuple[Sandbox, ...] = ()
    failures: int = 0
    failed_calls: int = 0
    refusals: int = 0
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """``points`` are given, or taken where negative; 0 is worth knowing all the same."""

    points: int
    words: str
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Rating:
    """``points`` of 100. Where it is not ``final`` it was not seen running, and can only get worse."""

    grade: str
    points: int
    final: bool
    reasons: tuple[Reason, ...]


def rate(declared: Declared, observed: Observed | None = None) -> Rating:
    """Without ``observed``: the best that it can come to, in a whole sandbox and without a fault."""
    seen = observed or Observed()
    reasons = (*_declared(declared), *_surroundings(declared, seen), *_conduct(seen))
    unseen = not declared.remote and not seen.sandboxes
    points = sum(reason.points for reason in reasons) + (_SANDBOX if unseen else 0)
    points = min(100, max(0, points))
    grade = next(name for name, least in GRADES if points >= least)
    return Rating(grade, points, not unseen and observed is not None, reasons)


def _declared(it: Declared) -> Iterator[Reason]:
    if it.refusal:
        yield Reason(-_BEYOND, f"It is trusted no more: {it.refusal}")
    yield _publisher(it)
    if it.remote:
        yield Reason(0, "What runs there may change at any time, and nothing here holds what it connects to.")
    else:
        yield Reason(_PINNED, "Pinned: what runs has the digest that was installed.")
        yield _connections(it.egress)
    if it.behind:
        yield Reason(0, "Somebody else runs the API behind it, which may change at any time.")
    yield from _each(it.volumes, _VOLUME, _MOST_VOLUMES, "It keeps data of its own", "volume")
    yield from _each(it.origins, _ORIGIN, _MOST_ORIGINS, "Its page loads from other hosts", "origin")
    yield from _each(it.public, _PUBLIC, _MOST_PUBLIC, "Anyone may call it without signing in", "route")


def _publisher(it: Declared) -> Reason:
    if it.shipped:
        return Reason(_SHIPPED, "Shipped with the gateway, or laid there by its operator.")
    if it.refusal:
        return Reason(0, "Whoever vouched for it does not count any more.")
    if it.remote:
        if it.identity:
            return Reason(_PINNED, f"Somebody else runs it, and has to prove to be {it.identity}.")
        return Reason(0, "Somebody else runs it, and proves nothing.")
    if it.signer:
        return Reason(_SIGNED, f"Signed by {it.signer}, whom the policy knows.")
    if it.offered:
        return Reason(_SIGNED, "A signature is offered; it is judged when it is installed.")
    return Reason(0, "Nobody whom the policy knows has signed it.")


def _connections(egress: tuple[str, ...]) -> Reason:
    left = max(0, _NO_CONNECTIONS - _CONNECTION * len(egress))
    if not egress:
        return Reason(left, "It asks for no connection to the outside.")
    return Reason(left, f"It may connect to {_number(len(egress), 'destination')}.")


def _each(things: tuple[str, ...], one: int, most: int, words: str, noun: str) -> Iterator[Reason]:
    if things:
        yield Reason(-min(most, one * len(things)), f"{words} ({_number(len(things), noun)}).")


def _surroundings(declared: Declared, seen: Observed) -> Iterator[Reason]:
    """Of the instance that is worst off. What surrounds a remote one nobody here can see."""
    if declared.remote or not seen.sandboxes:
        return
    if any(sandbox.level == "none" for sandbox in seen.sandboxes):
        words = "No sandbox: it may do what the gateway's user may, whatever it declares."
        yield Reason(-_UNHELD, words, observed=True)
        return
    worst = max(seen.sandboxes, key=lambda sandbox: len(sandbox.lacks))
    level = worst.level
    if worst.lacks:
        left = max(_LEAST_SANDBOX, _SANDBOX - _LACK * len(worst.lacks))
        yield Reason(left, f"Its sandbox ({level}) lacks: {', '.join(worst.lacks)}.", observed=True)
    else:
        yield Reason(_SANDBOX, f"Its sandbox ({level}) is whole.", observed=True)
    networks = sorted({sandbox.network for sandbox in seen.sandboxes} - {"none"})
    if networks:
        words = f"It has a network, so nothing holds what it connects to: {', '.join(networks)}."
        yield Reason(-_NETWORK, words, observed=True)


def _conduct(seen: Observed) -> Iterator[Reason]:
    if seen.quarantined:
        yield Reason(-_QUARANTINE, "It failed again and again, and is not started any more.", observed=True)
    if seen.failures:
        taken = min(_MOST_FAILURES, _FAILURE * seen.failures)
        yield Reason(-taken, f"It failed {_number(seen.failures, 'time')}.", observed=True)
    if taken := _steps(seen.failed_calls):
        count = _number(seen.failed_calls, "call")
        yield Reason(-taken, f"It left {count} without a fit answer.", observed=True)
    if taken := _steps(seen.refusals):
        count = _number(seen.refusals, "connection")
        yield Reason(-taken, f"The relay did not make {count} that it asked for.", observed=True)


def _steps(count: int) -> int:
    """One is an accident, a hundred is a habit."""
    return 10 if count >= _MANY else 5 if count >= _SOME else 2 if count >= _FEW else 0


def _number(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
