"""The ways out of instances, as the supervisor opens and closes them around their lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway.definition import PluginDefinition
from gateway.digests import identified
from gateway.egress.destinations import Destination
from gateway.egress.relay import RelayStatus
from gateway.home import Home
from gateway.model import InstanceId, Permissions, PluginState, Release
from gateway.registry.records import PluginRecord
from tests.faults.supervised import odd, quick, supervised, until


class Heard:
    """In the place of the relays: when each way out was there, and whether its process was."""

    def __init__(self) -> None:
        self.wanted: Mapping[InstanceId, frozenset[Destination]] = {}
        self.pid = 0
        self.closed_early = False

    def apply(self, wanted: Mapping[InstanceId, frozenset[Destination]]) -> None:
        if self.wanted and not wanted and psutil.pid_exists(self.pid):
            self.closed_early = True
        self.wanted = dict(wanted)

    def status(self, instance: InstanceId) -> RelayStatus | None:
        if instance not in self.wanted:
            return None
        return RelayStatus(granted=tuple(str(one) for one in self.wanted[instance]))


def connecting() -> Release:
    """A release that asks for a way out."""
    release = odd("good")
    wanted = Permissions(egress=("db.example:5432",))
    return identified(replace(release, permissions=wanted))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path).open()
    yield opened
    opened.close()


async def test_a_way_out_is_there_from_before_the_start_until_after_the_end(home: Home) -> None:
    heard = Heard()
    async with supervised(home, quick(), relays=heard) as gateway:
        release = connecting()
        plugin = release.plugin_id
        record = PluginRecord(id=plugin, definition=PluginDefinition(id=plugin), release_id=release.id)
        await gateway.store.add_plugin(record, release)
        await until(lambda: heard.wanted or None, lambda: "a way out")
        status = await gateway.state(plugin, PluginState.HEALTHY)
        (relay,) = [instance.relay for instance in status.instances]
        assert relay is not None
        assert relay.granted == ("db.example:5432",)
        heard.pid = await gateway.pid(plugin)
        await gateway.lifecycle.disable(plugin)
        await until(lambda: not psutil.pid_exists(heard.pid), lambda: "its end")
        await until(lambda: not heard.wanted, lambda: "the end of its way out")
        assert not heard.closed_early, "what it did while draining was cut"
