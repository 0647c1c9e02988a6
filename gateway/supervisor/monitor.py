"""Watching one incarnation of an instance: start-up, then health for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from gateway.contract.bundle import Content
from gateway.contract.client import ConfigureResult, Health, PluginClient
from gateway.contract.errors import ContractError, GarbageAnswer, NameUnknown, NotAnswering
from gateway.errors import Internal, NotFound, PlugwayError, Unavailable
from gateway.model import Endpoint, Voice
from gateway.registry.boards import OutcomeBoard
from gateway.registry.errors import FactsContradict
from gateway.registry.records import InstanceRecord, PluginSettings
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.supervisor.attach import Facts, get_facts, hand_over_settings, refusal
from gateway.supervisor.clock import Clock
from gateway.supervisor.health import Judge, Verdict

log = logging.getLogger(__name__)

_QUICK = 0.1
"""Seconds between two checks at the least, however often someone asks for one."""

_SLOWEST = 10.0
"""Seconds between two checks of an instance that nobody here can restart, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """Why an instance has to be replaced; ``permanent`` where a new one would be no better."""

    reason: str
    permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every monitor shares."""

    store: RegistryStore
    content: Content
    outcomes: OutcomeBoard
    settings: Settings
    clock: Clock


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
        self._record = record
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
        self._settings_problem = ""
        self.endpoint = endpoint
        self.ready = adopted
        self.progress = ""
        self.condemned: Condemned | None = None
        self._healthy_since: float | None = around.clock.steady() if adopted else None
        self._healthy_for = 0.0

    @property
    def verdict(self) -> Verdict:
        if not self.ready:
            return Verdict(healthy=False, reason=self.progress or "It is starting.", voice=Voice.RUNTIME)
        if self._settings_problem:
            return Verdict(healthy=False, reason=self._settings_problem)
        return self._judge.verdict

    @property
    def client(self) -> PluginClient | None:
        """For further calls to the same incarnation; None before it was reached."""
        return self._client

    def healthy_for(self, now: float) -> float:
        """How long it was healthy until now, or when it last was, in seconds."""
        return self._healthy_for if self._healthy_since is None else now - self._healthy_since

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
            log.exception("Watching %s failed.", self._record.id)
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
        result = await self._client.configure(settings, dry_run=dry_run)
        if result.accepted and not dry_run:
            self._settings_problem = ""
            self._record = replace(self._record, settings_revision=settings.revision)
            self._tell()
        return result

    # Start-up ------------------------------------------------------------------

    async def _start_up(self) -> None:
        budget = self._around.settings.start_timeout if self._managed else None
        try:
            async with asyncio.timeout(budget):
                client = await self._first_answer()
                await self._introduce(client)
        except TimeoutError:
            raise NotAnswering(
                f"It was not healthy within its start-up budget of {budget:g} s. {self.progress}".strip()
            ) from None
        self.ready = True
        self.progress = ""
        self._judge.serving()
        self._tell()

    async def _first_answer(self) -> PluginClient:
        """Ask until it says that it serves. A new channel each time: no back-off from before counts."""
        pause = _QUICK
        while True:
            client = PluginClient(self.endpoint)
            try:
                if await self._serves(client):
                    self._client = client
                    return client
            except (NotAnswering, NameUnknown, GarbageAnswer) as error:
                self._say(error.detail)
            finally:
                if self._client is not client:
                    await client.close()
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5 if self._managed else _SLOWEST)

    async def _serves(self, client: PluginClient) -> bool:
        try:
            health = await client.check(self._record.plugin_id, self._around.settings.check_timeout)
        except NameUnknown:
            # Too early, or another plugin: Describe tells which, and ends the waiting for the other.
            await self._get_facts(client)
            raise
        if health is Health.NOT_SERVING:
            self._say("It says that it is not serving yet.")
        return health is Health.SERVING

    async def _introduce(self, client: PluginClient) -> None:
        while True:
            try:
                return await self._meet(client)
            except Unavailable as error:
                self._say(error.detail)
                await asyncio.sleep(1.0)

    async def _meet(self, client: PluginClient) -> None:
        """Facts, settings, and the note in the registry that this incarnation was good."""
        facts = await self._get_facts(client)
        store = self._around.store
        await store.record_facts(self._record.release_id, facts.manifest, facts.ui)
        settings = store.plugin(self._record.plugin_id).settings
        if not self._managed and not self._judge.verdict.healthy:
            # Perhaps a new process on the old address: nothing may go on using the old connection.
            self.endpoint = replace(self.endpoint, incarnation=secrets.token_hex(4))
        result = await hand_over_settings(client, facts.manifest, settings)
        self._settings_problem = refusal(result, self._record.plugin_id)
        self._record = replace(self._record, endpoint=self.endpoint, settings_revision=settings.revision)
        await store.put_instance(self._record)

    async def _get_facts(self, client: PluginClient) -> Facts:
        known = self._around.store.release(self._record.release_id)
        return await get_facts(client, known, self._record.id, self._around.content)

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
            await asyncio.sleep(_QUICK)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._poke.wait()

    def _pause(self) -> float:
        interval = self._around.settings.check_interval
        beyond = self._judge.misses - self._around.settings.failure_threshold
        if self._managed or beyond <= 0:
            return interval
        return max(interval, min(_SLOWEST, interval * 2.0 ** min(beyond, 10)))

    async def _check(self, client: PluginClient) -> None:
        judge, settings = self._judge, self._around.settings
        try:
            health = await client.check(self._record.plugin_id, settings.check_timeout)
            if health is Health.SERVING and (self._meet_again or self._settings_are_stale()):
                with suppress(Unavailable):  # It serves all the same; met at the next check.
                    await self._meet(client)
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
            judge.serving()
        else:
            judge.refused("It says that it is not serving.")
        count, reason = self._around.outcomes.failures(self._record.id)
        judge.calls_failed(count if count >= settings.failure_threshold else 0, reason)

    def _settings_are_stale(self) -> bool:
        stored = self._around.store.plugin(self._record.plugin_id).settings
        return stored.revision != self._record.settings_revision

    async def _watch(self, client: PluginClient) -> None:
        """Its own word, for speed. Every word and every end of the stream only asks for a check."""
        while True:
            with suppress(ContractError):
                try:
                    async with aclosing(client.watch(self._record.plugin_id)) as words:
                        async for _ in words:
                            self.check_soon()
                            await asyncio.sleep(_QUICK)
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

    def _condemn(self, error: PlugwayError) -> None:
        permanent = getattr(error, "permanent", False) or isinstance(error, FactsContradict)
        self.condemned = Condemned(reason=error.detail, permanent=permanent)
        self._tell()
