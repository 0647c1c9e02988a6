"""Pings to a plugin: who does not answer one is cut off."""

from __future__ import annotations

import asyncio

from gateway.proxy.wire.pings import Pings
from tests.running import PATIENCE


class Peer:
    """Answers the first so many pings."""

    def __init__(self, answers: int, *, busy: bool = True) -> None:
        self.cut_off = asyncio.Event()
        self.asked = 0
        self._answers = answers
        self.pings = Pings(
            asyncio.get_running_loop(),
            busy=lambda: busy,
            send=self._hear,
            abort=self.cut_off.set,
            every=0.001,
            wait=0.001,
        )

    def _hear(self) -> None:
        self.asked += 1
        if self.asked <= self._answers:
            self.pings.answered()


async def test_who_leaves_one_unanswered_is_cut_off() -> None:
    peer = Peer(answers=3)
    await asyncio.wait_for(peer.cut_off.wait(), PATIENCE)
    assert peer.asked == 4


async def test_nobody_is_asked_where_no_call_runs_or_after_the_end() -> None:
    idle, ended = Peer(answers=0, busy=False), Peer(answers=0)
    ended.pings.stop()
    await asyncio.sleep(0.05)
    idle.pings.stop()
    assert (idle.asked, idle.cut_off.is_set()) == (0, False)
    assert (ended.asked, ended.cut_off.is_set()) == (0, False)
