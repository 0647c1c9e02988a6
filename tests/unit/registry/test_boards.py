"""Snapshots, events and outcomes."""

from __future__ import annotations

import asyncio
import time

from gateway.model import InstanceId, PluginId, PluginState
from gateway.registry.boards import Event, EventBoard, OutcomeBoard, SnapshotBoard
from gateway.routing import Route, Snapshot

NOTES = PluginId("notes")
UP = {NOTES: Route(plugin_id=NOTES, state=PluginState.HEALTHY)}
DOWN = {NOTES: Route(plugin_id=NOTES, state=PluginState.UNHEALTHY, reason="exited")}
ONE = InstanceId("notes-1")


def test_a_subscriber_gets_the_current_table_and_each_new_one() -> None:
    board, seen = SnapshotBoard(epoch=3), list[Snapshot]()
    stop = board.subscribe(seen.append)
    board.publish(UP)
    board.publish(DOWN)
    stop()
    board.publish(UP)
    assert [(s.epoch, s.number) for s in seen] == [(3, 0), (3, 1), (3, 2)]
    assert board.current.number == 3


def test_an_equal_table_is_not_published_again() -> None:
    board, seen = SnapshotBoard(), list[Snapshot]()
    first = board.publish(UP)
    board.subscribe(seen.append)
    assert board.publish(dict(UP)) is first
    assert len(seen) == 1


async def test_whoever_waits_is_held_up_until_every_follower_has_the_table() -> None:
    board = SnapshotBoard()
    await asyncio.wait_for(board.settle(), 1)
    has = 0
    stop = board.followed(lambda table: has >= table.number)
    board.publish(UP)
    assert not board.settled
    waiting = asyncio.create_task(board.settle())
    await asyncio.sleep(0.05)
    board.publish(DOWN)
    assert not waiting.done()
    has = 1
    # A later table is no reason to go on waiting for the one that was meant.
    await asyncio.wait_for(waiting, 5)
    assert not board.settled
    stop()
    assert board.settled


def test_a_table_from_elsewhere_is_told_as_it_is() -> None:
    board, seen = SnapshotBoard(), list[Snapshot]()
    board.subscribe(seen.append)
    other = Snapshot(epoch=9, number=40, routes=UP)
    board.take(other)
    assert seen[-1] is other
    assert board.current is other


def test_a_snapshot_does_not_change_with_what_it_was_made_of() -> None:
    board, routes = SnapshotBoard(), dict(UP)
    snapshot = board.publish(routes)
    routes.clear()
    assert NOTES in snapshot.routes


def test_a_listener_that_unsubscribes_while_told_disturbs_no_other() -> None:
    board, seen = SnapshotBoard(), list[int]()

    def once(snapshot: Snapshot) -> None:
        if snapshot.number == 1:
            stop()

    stop = board.subscribe(once)
    board.subscribe(lambda snapshot: seen.append(snapshot.number))
    board.publish(UP)
    board.publish(DOWN)
    assert seen == [0, 1, 2]


async def take(board: EventBoard, count: int, last_id: int | None = None) -> list[Event]:
    found = []
    async for event in board.follow(last_id):
        found.append(event)
        if len(found) == count:
            break
    return found


async def test_following_has_no_gap_and_no_double_between_old_and_new() -> None:
    board = EventBoard()
    first = board.emit("plugin.state", "notes", state="starting")
    second = board.emit("plugin.state", "notes", state="healthy")
    found = []
    follower = board.follow(first.id)
    found.append(await anext(follower))
    third = board.emit("plugin.removed", "notes")
    found.append(await anext(follower))
    await follower.aclose()
    assert found == [second, third]
    assert first.id < second.id < third.id


async def test_following_from_now_on_leaves_out_what_was() -> None:
    board = EventBoard()
    board.emit("old")
    waiting = asyncio.create_task(take(board, 1))
    await asyncio.sleep(0)
    new = board.emit("new")
    assert await waiting == [new]


async def test_a_slow_reader_loses_its_oldest_and_blocks_nobody() -> None:
    board = EventBoard()
    follower = board.follow()
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    for number in range(1500):
        board.emit("tick", number=number)
    first = await waiting
    rest = [await anext(follower) for _ in range(999)]
    await follower.aclose()
    assert first.data["number"] >= 499
    assert rest[-1].data["number"] == 1499


def test_the_ring_keeps_the_last_events() -> None:
    board = EventBoard(keep=3)
    events = [board.emit("tick") for _ in range(5)]
    assert board.since(0) == events[2:]


def test_ids_of_a_new_board_come_after_those_of_an_old_one() -> None:
    before = EventBoard()
    last = [before.emit("tick") for _ in range(3)][-1]
    time.sleep(0.01)
    assert EventBoard().emit("tick").id > last.id


async def test_a_follower_that_leaves_is_forgotten() -> None:
    board = EventBoard()
    board.emit("one")
    assert len(await take(board, 1, 0)) == 1
    follower = board.follow(0)
    await anext(follower)
    await follower.aclose()
    board.emit("two")


def test_outcomes_count_failures_in_a_row() -> None:
    board, told = OutcomeBoard(), list[InstanceId]()
    board.on_failure(told.append)
    assert board.failures(ONE) == (0, "")
    board.failed(ONE, "connection refused")
    board.failed(ONE, "deadline exceeded")
    assert board.failures(ONE) == (2, "deadline exceeded")
    board.ok(InstanceId("another"))
    assert board.failures(ONE)[0] == 2
    board.ok(ONE)
    assert board.failures(ONE) == (0, "")
    board.failed(ONE, "reset")
    board.forget(ONE)
    assert board.failures(ONE) == (0, "")
    assert told == [ONE, ONE, ONE]
