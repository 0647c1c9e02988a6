"""Getting to know one incarnation: the first answer, facts, settings, the note in the registry."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.contract.appearing import pause
from gateway.contract.client import ConfigureResult, Health, Introduction, PluginClient
from gateway.contract.errors import GarbageAnswer, NameUnknown, NotAnswering
from gateway.errors import Unavailable
from gateway.model import Endpoint
from gateway.packing.pack import Content
from gateway.registry.boards import OutcomeBoard
from gateway.registry.records import InstanceRecord, PluginSettings
from gateway.registry.store import RegistryStore
from gateway.settings import Settings
from gateway.supervisor.attach import Facts, get_facts, hand_over_settings, refusal
from gateway.supervisor.clock import Clock
from gateway.supervisor.probing import Probing, probing_of
from gateway.supervisor.settings_form import in_form
from gateway.supervisor.settings_sides import settings_of

PublicKeys = tuple[tuple[str, bytes], ...]

QUICK = 0.1
"""Seconds between two questions at the least, however often someone asks for one."""

SLOWEST = 10.0
"""Seconds between two tries of what may heal without anyone here doing anything."""

TO_STORE = 10.0
"""Seconds that the registry has to keep settings which the plugin took already."""

_FIRST_ANSWER = 0.25
"""Seconds between two questions to an instance that is starting, at the most."""

_NEARLY = 0.02
"""Seconds to the next question to an instance whose socket is there, and which did not serve yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the watches of all instances share."""

    store: RegistryStore
    content: Content
    outcomes: OutcomeBoard
    settings: Settings
    clock: Clock
    call_keys: Callable[[], PublicKeys] = tuple


class Meeting:
    """What is known of one incarnation, and how it came to be known.

    ``settings_problem`` says why it refused its settings; ``say`` is told what it waits for.
    """

    def __init__(
        self,
        around: Surroundings,
        record: InstanceRecord,
        endpoint: Endpoint,
        *,
        managed: bool,
        say: Callable[[str], None],
    ) -> None:
        self._around = around
        self._managed = managed
        self._say = say
        self._ask_again_at = 0.0
        self._told_keys: PublicKeys = ()
        self._taken: PluginSettings | None = None
        self._taken_until = 0.0
        self._one_at_a_time = asyncio.Lock()
        self.record = record
        self.endpoint = endpoint
        self.settings_problem = ""

    async def first_answer(self) -> PluginClient:
        """Ask until it says that it serves. A new channel each time: no back-off from before counts."""
        seconds, began = QUICK, self._around.clock.steady()
        while True:
            client = PluginClient(self.endpoint)
            serves = False
            try:
                serves = await self._serves(client)
            except (NotAnswering, NameUnknown, GarbageAnswer) as error:
                self._say(error.detail)
            finally:
                if not serves:
                    await client.close()
            if serves:
                return client
            waited = self._around.clock.steady() - began
            if await pause(self.endpoint.address, seconds, waited):
                seconds = _NEARLY
            else:
                seconds = min(seconds * 1.5, _FIRST_ANSWER if self._managed else SLOWEST)

    async def _serves(self, client: PluginClient) -> bool:
        try:
            health = await client.check(self.record.plugin_id, self.probing().timeout)
        except NameUnknown:
            # Too early, or another plugin: Describe tells which, and ends the waiting for the other.
            await self._get_facts(client)
            raise
        if health is Health.NOT_SERVING:
            self._say("It says that it is not serving yet.")
        return health is Health.SERVING

    async def introduce(self, client: PluginClient) -> None:
        """:meth:`meet`, as often as it takes where only the gateway's own disk or database is in the way."""
        while True:
            try:
                return await self.meet(client)
            except Unavailable as error:
                self._say(error.detail)
                await asyncio.sleep(1.0)

    async def meet(self, client: PluginClient, *, anew: bool = False) -> None:
        """Learn facts, hand over settings, note in the registry that this incarnation was good.

        ``anew``: it was away, and may be a new process on the old address.
        """
        facts = await self._get_facts(client)
        store = self._around.store
        await store.record_facts(self.record.release_id, facts.manifest, facts.ui)
        if anew and not self._managed:
            # So that nothing goes on using a connection to the process before.
            self.endpoint = replace(self.endpoint, incarnation=secrets.token_hex(4))
        introduction = self._introduction()
        async with self._one_at_a_time:
            known = store.release(self.record.release_id)
            settings = in_form(store, known, self._wanted_settings())
            result = await hand_over_settings(client, facts.manifest, settings, introduction)
            self.record = replace(self.record, endpoint=self.endpoint, settings_revision=settings.revision)
        self._told_keys = introduction.call_keys
        self.settings_problem = refusal(result, self.record.plugin_id)
        self._ask_again_at = self._around.clock.steady() + SLOWEST
        await store.put_instance(self.record)

    async def _get_facts(self, client: PluginClient) -> Facts:
        known = self._around.store.release(self.record.release_id)
        return await get_facts(client, known, self.record.id, self._around.content)

    def due(self) -> bool:
        """Whether it has other settings or keys than the registry, or refused them a while ago.

        What it refuses may be a server that is away now, so it is asked again.
        """
        if self._wanted_settings().revision != self.record.settings_revision:
            return True
        if self._told_keys != self._around.call_keys():
            return True
        return bool(self.settings_problem) and self._around.clock.steady() >= self._ask_again_at

    def _introduction(self) -> Introduction:
        return Introduction(call_keys=self._around.call_keys(), release_id=self.record.release_id)

    def probing(self) -> Probing:
        """Raises ``UnknownPlugin``."""
        around = self._around
        return probing_of(around.store, around.settings, self.record.plugin_id, self.record.id)

    def _wanted_settings(self) -> PluginSettings:
        """The registry's; for a moment those that were taken and are being written there."""
        stored = settings_of(self._around.store, self.record.plugin_id, self.record.id)
        taken, now = self._taken, self._around.clock.steady()
        return taken if taken and taken.revision > stored.revision and now < self._taken_until else stored

    async def configure(
        self, client: PluginClient, settings: PluginSettings, *, dry_run: bool
    ) -> ConfigureResult:
        """Hand over settings that are not stored yet, or only have them judged.

        What was taken has to be in the registry within :data:`TO_STORE`; else the old ones come back.
        """
        introduction = self._introduction()
        async with self._one_at_a_time:
            result = await client.configure(settings, dry_run=dry_run, introduction=introduction)
            if result.accepted and not dry_run:
                self.settings_problem = ""
                self._taken, self._taken_until = settings, self._around.clock.steady() + TO_STORE
                self.record = replace(self.record, settings_revision=settings.revision)
        return result
