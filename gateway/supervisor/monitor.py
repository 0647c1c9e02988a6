"""Watching one incarnation of an instance: start-up, then health for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from gateway.contract.client import ConfigureResult, Health, PluginClient
from gateway.contract.errors import ContractError, GarbageAnswer, NameUnknown, NotAnswering
from gateway.errors import Internal, NotFound, PlugwayError, Unavailable
from gateway.model import Endpoint, Voice
from gateway.registry.errors import FactsContradict
from gateway.registry.records import InstanceRecord, PluginSettings
from gateway.supervisor.health import Judge, Verdict
from gateway.supervisor.meeting import QUICK, SLOWEST, Meeting, Surroundings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """Why an instance has to be replaced; ``permanent`` where a new one would be no better."""

    reason: str
    permanent: bool = False


class Monitor:
    """Runs :meth:`run` in a task of its own and calls ``changed`` when one of its facts did.

    ``record`` names the instance; ``managed`` ones have a start-up budget and are
    condemned when they stay silent, others are only waited for.
    """

    def __init__(
        self,
        around: Surroundings,
        record: InstanceRecord,
        endpoint: Endpoint,
        *,
        managed: bool,
        adopted: bool,
        changed: Callable[[], None],
    ) -> None:
        self._around = around
        self._plugin = record.plugin_id
        self._instance = record.id
        self._meeting = Meeting(around, record, endpoint, managed=managed, say=self._say)
        self._managed = managed
        self._changed = changed
        self._client: PluginClient | None = None
        self._poke = asyncio.Event()
        self._meet_again = adopted
        self._judge = Judge(
            threshold=around.settings.failure_threshold,
            patience=around.settings.restart_after,
            healthy=adopted,
        )
        self._told: tuple[object, ...] = ()
        self.ready = adopted
        self.progress = ""
        self.condemned: Condemned | None = None
        self._healthy_since: float | None = around.clock.steady() if adopted else None
        self._healthy_for = 0.0
        self._answered_at = 0.0

    @property
    def endpoint(self) -> Endpoint:
        return self._meeting.endpoint

    @property
    def verdict(self) -> Verdict:
        if not self.ready:
            return Verdict(healthy=False, reason=self.progress or "It is starting.", voice=Voice.RUNTIME)
        if problem := self._meeting.settings_problem:
            return Verdict(healthy=False, reason=problem)
        return self._judge.verdict

    @property
    def client(self) -> PluginClient | None:
        """For further calls to the same incarnation; None before it was reached."""
        return self._client

    def healthy_for(self, now: float) -> float:
        """How long it was healthy until now, or when it last was, in seconds."""
        return self._healthy_for if self._healthy_since is None else now - self._healthy_since

    @property
    def proven_for(self) -> float:
        """From when it became healthy to its last good answer, in seconds: silence proves nothing."""
        return 0.0 if self._healthy_since is None else max(0.0, self._answered_at - self._healthy_since)

    def check_soon(self) -> None:
        """Someone has a reason to doubt: check now rather than at the next turn."""
        self._poke.set()

    async def run(self) -> None:
        """Until cancelled or condemned. Never raises: what went wrong becomes :attr:`condemned`."""
        watching: asyncio.Task[None] | None = None
        try:
            if not self.ready:
                await self._start_up()
            client = await self._connected()
            watching = asyncio.create_task(self._watch(client))
            await self._live(client)
        except (ContractError, FactsContradict) as error:
            self._condemn(error)
        except NotFound:
            pass  # The plugin was uninstalled a moment ago.
        except Exception as error:  # Ours, with one plugin: it must not hide it.
            log.exception("Watching %s failed.", self._instance)
            self._condemn(Internal(f"The gateway failed while watching it ({type(error).__name__})."))
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait([watching])
            if self._client is not None:
                await self._client.close()

    async def configure(self, settings: PluginSettings, *, dry_run: bool) -> ConfigureResult:
        """Hand over settings that are not stored yet, or only have them judged.

        Raises :class:`ContractError` where it does not answer.
        """
        if self._client is None:
            raise NotAnswering("It has not been reached yet.")
        result = await self._meeting.configure(self._client, settings, dry_run=dry_run)
        self._tell()
        return result

    # Start-up ------------------------------------------------------------------

    async def _start_up(self) -> None:
        budget = self._meeting.probing().startup if self._managed else None
        try:
            async with asyncio.timeout(budget):
                self._client = await self._meeting.first_answer()
                await self._meeting.introduce(self._client)
        except TimeoutError:
            raise NotAnswering(
                f"It was not healthy within its start-up budget of {budget:g} s. {self.progress}".strip()
            ) from None
        self.ready = True
        self.progress = ""
        self._answered()
        self._tell()

    # Liveness ------------------------------------------------------------------

    async def _connected(self) -> PluginClient:
        if self._client is None:
            self._client = PluginClient(self.endpoint)
        return self._client

    async def _live(self, client: PluginClient) -> None:
        while True:
            await self._check(client)
            self._tell()
            if self._managed and self._judge.silent_too_long(self._around.clock.steady()):
                reason = self._judge.verdict.reason
                raise NotAnswering(f"It was replaced as it stayed without an answer. {reason}")
            self._poke.clear()
            await asyncio.sleep(QUICK)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._poke.wait()

    def _pause(self) -> float:
        interval = self._meeting.probing().interval
        beyond = self._judge.misses - self._around.settings.failure_threshold
        if self._managed or beyond <= 0:
            return interval
        return max(interval, min(SLOWEST, interval * 2.0 ** min(beyond, 10)))

    async def _check(self, client: PluginClient) -> None:
        judge, settings = self._judge, self._around.settings
        try:
            health = await client.check(self._plugin, self._meeting.probing().timeout)
            if health is Health.SERVING and (self._meet_again or self._meeting.due()):
                with suppress(Unavailable):  # It serves all the same; met at the next check.
                    await self._meeting.meet(client, anew=not judge.verdict.healthy)
                    self._meet_again = False
        except NameUnknown as error:
            judge.refused(error.detail)
            self._meet_again = True
            return
        except ContractError as error:
            if error.permanent:
                raise
            judge.missed(error.detail, self._around.clock.steady())
            # What runs elsewhere may come back as a new process without settings.
            self._meet_again = self._meet_again or not self._managed
            return
        if health is Health.SERVING:
            self._answered()
        else:
            judge.refused("It says that it is not serving.")
        count, reason = self._around.outcomes.failures(self._instance)
        judge.calls_failed(count if count >= settings.failure_threshold else 0, reason)

    async def _watch(self, client: PluginClient) -> None:
        """Its own word, for speed. Every word and every end of the stream only asks for a check."""
        while True:
            with suppress(ContractError):
                try:
                    async with aclosing(client.watch(self._plugin)) as words:
                        async for _ in words:
                            self.check_soon()
                            await asyncio.sleep(QUICK)
                except GarbageAnswer:
                    return  # It offers no watch; the checks do without.
            self._meet_again = self._meet_again or not self._managed
            self.check_soon()
            await asyncio.sleep(self._around.settings.check_interval)

    # Telling -------------------------------------------------------------------

    def _say(self, progress: str) -> None:
        self.progress = progress
        self._tell()

    def _tell(self) -> None:
        now = self._around.clock.steady()
        if self.verdict.healthy:
            self._healthy_since = now if self._healthy_since is None else self._healthy_since
        elif self._healthy_since is not None:
            self._healthy_for, self._healthy_since = now - self._healthy_since, None
        facts = (self.ready, self.verdict, self.endpoint, self.progress, self.condemned)
        if facts != self._told:
            self._told = facts
            self._changed()

    def _answered(self) -> None:
        self._answered_at = self._around.clock.steady()
        self._judge.serving()

    def _condemn(self, error: PlugwayError) -> None:
        permanent = getattr(error, "permanent", False) or isinstance(error, FactsContradict)
        self.condemned = Condemned(reason=error.detail, permanent=permanent)
        self._tell()
