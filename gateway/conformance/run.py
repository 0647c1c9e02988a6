"""Runs the checks, each in bounded time: whatever a plugin does ends in a finding, never the program."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from grpc import aio

from gateway.conformance.check import Broken, Check, NotApplicable, NotTried, Scene
from gateway.conformance.findings import Finding, Outcome, Report
from gateway.conformance.health import SERVING
from gateway.conformance.health import words as status_words
from gateway.conformance.opening import Unopened, opened, prepared
from gateway.conformance.places import Place
from gateway.conformance.subject import Plan, Shared, Subject
from gateway.contract.errors import ContractError
from gateway.contract.translate import contract_error
from gateway.errors import PlugwayError
from gateway.sources.check_table import NONE

log = logging.getLogger(__name__)

_GENTLE = ("negotiation", "manifest", "permissions", "health", "settings", "ui", "metrics")
"""Groups of checks that a plugin at work does not notice."""

Told = Callable[[Finding], None]

START = Check(
    id="start.serves",
    promise="Listen only when ready to answer. Health is SERVING from then on.",
    act=lambda subject: asyncio.sleep(0, "it serves"),
)

TAKEN = "settings.taken"
"""The check that hands over settings; where it is left out, that is done before the others."""


async def run_checks(
    target: str,
    place: Place,
    plan: Plan,
    checks: Sequence[Check],
    *,
    only: Collection[str] = (),
    told: Told = lambda finding: None,
) -> Report:
    """Judge the plugin. ``only`` names checks, or groups such as ``drain``; ``told`` hears each finding."""
    runner = _Runner(place, plan, told)
    chosen = [check for check in checks if not only or check.id in only or check.id.split(".")[0] in only]
    for scene, group in groupby(sorted(chosen, key=lambda check: list(Scene).index(check.scene)), _scene):
        await runner.play(scene, list(group))
    return Report(
        target=target,
        plugin=runner.plugin,
        version=runner.version,
        findings=_in_order(runner.findings, checks),
    )


def _in_order(findings: Iterable[Finding], checks: Sequence[Check]) -> tuple[Finding, ...]:
    """As the suite tells them, whatever scene they were found in."""
    places = {check.id: number for number, check in enumerate(checks)}
    return tuple(sorted(findings, key=lambda finding: places.get(finding.id, -1)))


def _scene(check: Check) -> Scene:
    return check.scene


class _Runner:
    def __init__(self, place: Place, plan: Plan, told: Told) -> None:
        self._place = place
        self._plan = plan
        self._told = told
        self._prepared = False
        self._gone = ""
        self._shared = Shared()
        self.findings: list[Finding] = []
        self.plugin, self.version = place.plugin, place.version

    async def play(self, scene: Scene, checks: list[Check]) -> None:
        """All checks of one scene, on an instance of their own where one can be had."""
        possible = []
        for check in checks:
            if (early := self._early(check)) is not None:
                self._note(early)
            else:
                possible.append(check)
        if not possible:
            return
        subject = await self._open(scene)
        try:
            if subject is not None and scene is Scene.MAIN and not any(c.id == TAKEN for c in possible):
                await prepared(subject)
            for check in possible:
                if subject is None:
                    self._note(_finding(check, Outcome.NOT_TRIED, self._gone))
                    continue
                finding, usable = await self._judged(check, subject)
                self._note(finding)
                if not usable:
                    await subject.close()
                    subject = await self._renewed(scene)
        finally:
            if subject is not None:
                await subject.close()

    def _early(self, check: Check) -> Finding | None:
        """What needs no plugin to be said."""
        plan, place = self._plan, self._place
        if self._gone:
            return _finding(check, Outcome.NOT_TRIED, self._gone)
        if plan.preflight and not place.renewable and check.id.split(".")[0] not in _GENTLE:
            return _finding(check, Outcome.NOT_APPLICABLE, "a preflight leaves what runs elsewhere alone")
        if check.route:
            named = getattr(plan.routes, check.route)
            if named == NONE:
                return _finding(
                    check, Outcome.NOT_APPLICABLE, f"its author says that it has no {check.route} route"
                )
            if plan.preflight:
                return _finding(check, Outcome.NOT_APPLICABLE, "a preflight calls none of its routes")
            if not named:
                words = f"name a route under [check]: {check.route} = ... ('none' where there is none)"
                return _finding(check, Outcome.NOT_TRIED, words)
        if check.scene is Scene.MAIN:
            return None
        if not plan.drain:
            words = "it would end what runs there; --drain lets it"
            return _finding(check, Outcome.NOT_TRIED, words)
        if not place.renewable and check.scene is not Scene.DRAIN:
            words = "it takes an instance of its own, which cannot be started here"
            return _finding(check, Outcome.NOT_TRIED, words)
        return None

    async def _open(self, scene: Scene) -> Subject | None:
        began = time.monotonic()
        try:
            if not self._prepared:
                # How long that may take is the runtime's to say: it may be an image to build.
                await self._place.prepare()
                self._prepared, began = True, time.monotonic()
            async with asyncio.timeout(self._plan.patience.start + self._plan.patience.check):
                subject = await opened(
                    self._place, self._plan, self._shared, configure=scene is not Scene.MAIN
                )
        except (Unopened, PlugwayError, TimeoutError) as error:
            words = (
                error.detail if isinstance(error, PlugwayError) else str(error) or "It did not start in time."
            )
            hint = error.hint if isinstance(error, PlugwayError) else "See what it prints when it starts."
            self._unmet(words, hint, time.monotonic() - began)
            return None
        except Exception as error:
            # As in judge: what a stranger says of himself is read here for the first time.
            log.exception("%s could not be met", self._place.plugin)
            words = f"It could not be met: {type(error).__name__}: {error}"
            self._unmet(words, "", time.monotonic() - began)
            return None
        if subject.described is not None:
            said = subject.described.manifest
            self.plugin, self.version = self.plugin or said.id, self.version or said.version
        if not any(finding.id == START.id for finding in self.findings):
            words = f"it served after {time.monotonic() - began:.1f} s"
            self._note(_finding(START, Outcome.PASS, words, seconds=time.monotonic() - began))
        return subject

    def _unmet(self, words: str, hint: str, seconds: float) -> None:
        self._note(_finding(START, Outcome.FAIL, words, hint, seconds))
        self._gone = "the plugin does not serve"

    async def _renewed(self, scene: Scene) -> Subject | None:
        if not self._place.renewable:
            self._gone = "the plugin answers no more"
            return None
        subject = await self._open(scene)
        if subject is not None and scene is Scene.MAIN:
            await prepared(subject)
        return subject

    async def _judged(self, check: Check, subject: Subject) -> tuple[Finding, bool]:
        """The finding, and whether the instance can be used on."""
        began = time.monotonic()
        finding = await judge(check, subject)
        usable = True
        if check.scene is Scene.MAIN and (gone := await _gone(subject)):
            usable = False
            words = f"{finding.seen} After that: {gone}" if finding.outcome is Outcome.FAIL else gone
            finding = replace(finding, outcome=Outcome.FAIL, seen=words, hint="See the plugin's log.")
        return replace(finding, seconds=time.monotonic() - began), usable

    def _note(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._told(finding)


async def judge(check: Check, subject: Subject) -> Finding:
    """One check, whatever happens in it."""
    patience = subject.patience.check
    try:
        if check.configured and not subject.configured:
            raise NotTried("it has no settings that it takes: give some (--settings FILE)")
        async with asyncio.timeout(patience):
            return _finding(check, Outcome.PASS, await check.act(subject))
    except Broken as broken:
        return _finding(check, Outcome.FAIL, broken.seen, broken.hint)
    except NotApplicable as reason:
        return _finding(check, Outcome.NOT_APPLICABLE, str(reason))
    except NotTried as reason:
        return _finding(check, Outcome.NOT_TRIED, str(reason))
    except TimeoutError:
        return _finding(check, Outcome.FAIL, f"It did not come to an end within {patience:g} s.")
    except ContractError as error:
        return _finding(check, Outcome.FAIL, error.detail, error.hint)
    except aio.AioRpcError as error:
        words = f"{contract_error(error, 'a call').detail} ({error.code().name}: {error.details():.200})"
        return _finding(check, Outcome.FAIL, words, "See the plugin's log.")
    except Exception as error:
        # A stranger's plugin must not end the program, whatever it has found to say.
        log.exception("%s could not be judged", check.id)
        return _finding(check, Outcome.FAIL, f"It could not be judged: {type(error).__name__}: {error}")


async def _gone(subject: Subject) -> str:
    """Why the instance is of no more use; "" where it answers."""
    try:
        if (status := await subject.health("")) != SERVING:
            return f"Its health is {status_words(status)}."
    except (aio.AioRpcError, Broken) as error:
        words = (
            contract_error(error, "the health check").detail
            if isinstance(error, aio.AioRpcError)
            else str(error)
        )
        return await subject.place.ended() or f"It answers no more: {words}"
    return ""


def _finding(check: Check, outcome: Outcome, seen: str, hint: str = "", seconds: float = 0.0) -> Finding:
    return Finding(id=check.id, promise=check.promise, outcome=outcome, seen=seen, hint=hint, seconds=seconds)


def known(checks: Iterable[Check]) -> list[str]:
    """Names that ``only`` may hold."""
    return sorted({name for check in checks for name in (check.id, check.id.split(".")[0])})
