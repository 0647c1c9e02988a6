"""Keys of call tokens: rolled without a moment in which a plugin does not know the one that signs."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from plugway.plugin.v1.plugin_pb2 import CallKey as PublicKey
from plugway_sdk import CallerUnproven
from plugway_sdk.callers import TrustedKeys

from gateway.access.call_keys import LIFETIME, RENEW, CallKeys
from gateway.access.gatekeeper import Gatekeeper
from gateway.home import Home
from gateway.settings import Settings

DAY = 86400.0


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def trusting(keys: CallKeys, clock: Clock, plugin: str = "notes", release: str = "r1") -> TrustedKeys:
    """A plugin that was told these keys."""
    trusted = TrustedKeys(clock)
    trusted.take(plugin, release, [PublicKey(id=id_, public_key=key) for id_, key in keys.public])
    return trusted


def test_a_plugin_knows_the_next_key_before_it_signs() -> None:
    clock = Clock()
    keys = CallKeys.new(clock.now)
    told = trusting(keys, clock)
    assert keys.rolled(clock.now + DAY - 1, DAY) is keys
    clock.now += DAY
    rolled = keys.rolled(clock.now, DAY)
    assert rolled.current.id == keys.next.id
    assert rolled.previous == keys.current
    assert {rolled.next.id}.isdisjoint({keys.current.id, keys.next.id})
    # Told nothing yet of the change: both the last proofs of the old key and the first of the new hold.
    for key in (keys.current, rolled.current):
        token = key.prove(user="ann", role="user", plugin="notes", release="r1", now=int(clock.now))
        assert told.check(token).user == "ann"
        assert trusting(rolled, clock).check(token).user == "ann"
    later = rolled.rolled(clock.now + DAY, DAY)
    with pytest.raises(CallerUnproven):
        trusting(later, clock).check(
            keys.current.prove(user="ann", role="user", plugin="notes", release="r1", now=int(clock.now))
        )


async def test_keys_outlive_the_gateway_and_are_private(tmp_path: Path) -> None:
    clock = Clock()

    def opened() -> Gatekeeper:
        return Gatekeeper.open(Home(tmp_path), Settings.model_validate({"home": tmp_path}), clock)

    first = await asyncio.to_thread(opened)
    again = await asyncio.to_thread(opened)
    assert again.call_keys == first.call_keys
    clock.now += DAY
    await again.roll_call_keys(DAY)
    await again.roll_call_keys(DAY)
    assert again.board.current.call_key == again.call_keys.current
    assert again.call_keys.current.id == first.call_keys.next.id
    third = await asyncio.to_thread(opened)
    assert third.call_keys == again.call_keys
    mode = await asyncio.to_thread((tmp_path / "keys" / "call-keys.json").stat)
    assert stat.S_IMODE(mode.st_mode) == 0o600
    assert third.call_keys.current.seed.hex() not in repr(third.call_keys)


async def test_a_key_that_could_not_be_stored_does_not_sign(tmp_path: Path) -> None:
    clock = Clock()

    def full(_: CallKeys) -> None:
        raise OSError(28, "No space left on device")

    gate = Gatekeeper(
        token="t" * 30, session_key="k" * 30, session_seconds=60.0, clock=clock, keep_call_keys=full
    )
    before = gate.call_keys
    clock.now += DAY
    with pytest.raises(OSError, match="space"):
        await gate.roll_call_keys(DAY)
    assert gate.call_keys is before
    assert gate.board.current.call_key == before.current


def test_a_proof_is_used_again_for_half_its_life() -> None:
    clock = Clock()
    gate = Gatekeeper(token="t" * 30, session_key="k" * 30, session_seconds=60.0, clock=clock)
    first = gate.call_token("ann", "user", "notes", "r1")
    clock.now += RENEW - 0.1
    assert gate.call_token("ann", "user", "notes", "r1") == first
    others = {gate.call_token(*asked) for asked in (
        ("bea", "user", "notes", "r1"), ("ann", "admin", "notes", "r1"), ("ann", "user", "notes", "r2"),
    )}  # fmt: skip
    assert len(others - {first}) == 3
    clock.now += 0.1
    again = gate.call_token("ann", "user", "notes", "r1")
    assert again != first
    told = trusting(gate.call_keys, clock)
    clock.now += LIFETIME - RENEW
    assert told.check(first).user == told.check(again).user == "ann"
