"""The commands that move plugins, against a real gateway with real releases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.command import PROGRAM, ROOT, Ran, environment, plugway
from tests.load import load
from tests.releases import add_release
from tests.running import RunningGateway, gateway, until

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

QUICK = ("--startup", "20s", "--min-healthy", "1s", "--bake", "1s", "--drain", "5s")
ROLLOUT = re.compile(r"mover-[0-9a-f]{8}")


class Shell:
    """A user's shell beside the gateway of this module."""

    def __init__(self, running: RunningGateway) -> None:
        self.gateway = running
        self.settings = {"PLUGWAY_URL": running.base, "PLUGWAY_HOME": str(running.home)}
        self.token = running.client.headers["authorization"].removeprefix("Bearer ")

    async def __call__(self, *words: str) -> Ran:
        return await plugway(*words, **self.settings)

    async def good(self, *words: str) -> Ran:
        ran = await self(*words)
        assert ran.code == 0, ran
        return ran

    async def begin(self, version: str = "2.0.0", *words: str) -> str:
        """A rollout under way; its id."""
        return str((await self.good("rollout", "mover", version, *QUICK, *words, "--json")).json["id"])

    async def phase(self, id_: str, *phases: str) -> dict[str, object]:
        seen: dict[str, object] = {}

        async def probe() -> bool:
            seen.update((await self.gateway.client.get(f"/api/v1/rollouts/{id_}")).json())
            return seen["phase"] in phases

        await until(probe, f"{id_} in {phases}")
        return seen


def releases(directory: Path) -> Path:
    add_release(directory, "1.0.0")
    add_release(directory, "2.0.0")
    add_release(directory, "3.0.0", slow=0.1)
    add_release(directory, "4.0.0", routes=["/work"], egress=["example.org:443"])
    add_release(directory, "5.0.0", one_way=True, dies_after=3)
    return directory


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shell]:
    directory = tmp_path_factory.mktemp("rollouts")
    settings = {"PLUGWAY_PLUGIN_PATH": str(releases(directory / "releases"))}
    async with gateway(directory / "home", settings=settings) as running:
        yield Shell(running)


@pytest_asyncio.fixture(loop_scope="module")
async def run(shared: Shell) -> Shell:
    """The shell with mover 1.0.0 freshly installed."""
    client = shared.gateway.client
    await client.delete("/api/v1/plugins/mover", params={"purge": "true"})
    answer = await client.post("/api/v1/plugins", json={"id": "mover", "version": "1.0.0"})
    assert answer.status_code == 201, answer.text
    await shared.gateway.healthy("mover")
    return shared


async def test_a_rollout_is_watched_to_its_end_and_rolled_back(run: Shell) -> None:
    moved = await run.good("rollout", "mover", "2.0.0", *QUICK, "--steps", "30:1s", "--watch")
    lines = moved.out.splitlines()
    assert re.fullmatch(r"mover-[0-9a-f]{8}: mover 1\.0\.0 > 2\.0\.0, canary", lines[0])
    told = "\n".join(lines)
    assert "2.0.0 starts beside 1.0.0" in told
    assert "30 % of new sessions go to 2.0.0 for 1s" in told
    assert re.search(r"^\d\d:\d\d:\d\d  baking +everyone is on 2\.0\.0; 1\.0\.0 stays warm$", told, re.M)
    assert lines[-1] == "mover is at 2.0.0."
    back = await run.good("rollback", "mover", "--watch")
    assert "a rollback" in back.out
    assert back.out.splitlines()[-1] == "mover is at 1.0.0."
    again = await run("rollback", "mover")
    assert again.code == 1
    assert "no stable release before" in again.err
    status = (await run.good("status", "mover")).out
    assert re.search(r"^mover-[0-9a-f]{8} +2\.0\.0 +1\.0\.0 +succeeded ", status, re.M), status
    document = (await run.good("status", "mover", "--json")).json
    assert document["rollout"] is None
    assert [(r["phase"], r["isRollback"]) for r in document["rollouts"]] == [
        ("succeeded", True),
        ("succeeded", False),
    ]
    assert [r["version"] for r in document["releases"] if r["current"]] == ["1.0.0"]


async def test_a_rollout_that_is_taken_back_has_an_exit_code_of_its_own(run: Shell) -> None:
    async with load(run.gateway.base, run.token, unary=2, streams=False) as counts:
        await until(lambda: counts.calls > 50, "the load to be on")
        taken = await run(
            "rollout", "mover", "3.0.0", *QUICK, "--steps", "50:30s", "--watch", "--timeout", "40"
        )
    assert taken.code == 8, taken
    assert re.search(r"mover is back at 1\.0\.0\. Half of its calls take over", taken.out.splitlines()[-1])
    assert counts.failed == 0
    assert "8 the rollout" in " ".join((await run.good("--help")).out.split())


async def test_pause_resume_promote_and_abort(run: Shell) -> None:
    id_ = await run.begin("2.0.0", "--steps", "20:hold,40:60s", "--bake", "2m")
    await run.phase(id_, "paused")
    status = (await run.good("status", "mover")).out
    assert "20 % of new sessions; waits for a promote by hand" in status
    assert "plugway resume mover" in status
    assert re.search(r"2\.0\.0: 20 % of new sessions", status)
    resumed = await run.good("resume", "mover")
    assert resumed.out.startswith("It goes on.")
    paused = await run.good("pause", id_)
    assert paused.out.startswith("Paused.")
    twice = await run("pause", "mover")
    assert (twice.code, "is paused already" in twice.err) == (1, True)
    promoted = await run.good("promote", "mover", "--json")
    assert promoted.json["phase"] == "promoting"
    back = await run.good("abort", "mover", "--watch")
    assert back.out.splitlines()[-1].startswith("mover is back at 1.0.0. Aborted by hand.")
    for words in (("abort", "mover"), ("status", "mover", "--watch"), ("pause", "mover")):
        none = await run(*words)
        assert (none.code, "No rollout of mover is under way" in none.err) == (4, True)
    unknown = await run("promote", "moover")
    assert unknown.code == 4
    assert (await run("resume", "mover-00000000")).code == 4


async def test_findings_are_gone_over_only_after_a_yes(run: Shell) -> None:
    id_ = await run.begin("4.0.0")
    await run.phase(id_, "paused")
    status = (await run.good("status", "mover")).out
    assert "Held until someone agrees" in status
    assert "Agree: plugway promote mover --yes" in status
    silent = await run("promote", "mover")
    assert silent.code == 2
    assert "  - new permission: may connect to example.org:443" in silent.out
    assert "--yes" in silent.err
    assert (await run("resume", "mover")).code == 1
    await run.good("promote", "mover", "--yes")
    # What its contract takes away is known only once it runs.
    await run.phase(id_, "paused")
    silent = await run("promote", "mover")
    assert "route GET /greeting was removed" in silent.err
    assert "new permission" not in silent.err
    agreed = await run.good("promote", "mover", "--yes", "--watch")
    assert agreed.out.splitlines()[-1] == "mover is at 4.0.0."


async def test_a_yes_given_to_who_watches_counts_at_every_hold(run: Shell) -> None:
    await run.phase(await run.begin("4.0.0"), "paused")
    agreed = await run.good("promote", "mover", "--yes", "--watch", "--timeout", "120")
    assert "Agreed, as --yes says: route GET /greeting was removed" in agreed.out
    assert agreed.out.splitlines()[-1] == "mover is at 4.0.0."


async def test_going_back_over_changed_data_is_asked_for_twice(run: Shell) -> None:
    held = await run("rollout", "mover", "5.0.0", *QUICK[:-4], "--bake", "30s", "--drain", "2s", "--watch")
    assert held.code == 8, held
    assert "waits for a decision" in held.out.splitlines()[-1]
    assert "plugway abort mover --force" in held.out
    for words in (("abort", "mover", "--force"), ("rollback", "mover"), ("promote", "mover")):
        asked = await run(*words)
        assert (asked.code, "--yes" in asked.err) == (2, True), asked
    back = await run.good("abort", "mover", "--force", "--yes", "--watch")
    assert back.out.splitlines()[-1].startswith("mover is back at 1.0.0.")


async def test_a_pinned_plugin_stays(run: Shell) -> None:
    pinned = await run.good("pin", "mover")
    assert re.fullmatch(r"mover is pinned to 1\.0\.0 \(.+\)\.\n", pinned.out)
    assert "plugway unpin mover" in (await run.good("status", "mover")).out
    refused = await run("rollout", "mover", "2.0.0")
    assert refused.code == 1
    assert "plugway unpin mover" in refused.err
    assert (await run.good("unpin", "mover", "--json")).json["pinned"] is False


async def test_defaults_hold_where_a_rollout_says_nothing(run: Shell) -> None:
    shown = (await run.good("rollout-defaults", "mover")).out
    assert re.search(r"^bake +30s +Plugway$", shown, re.M)
    assert re.search(r"^probe-interval +as the gateway +Plugway$", shown, re.M)
    set_ = (
        "rollout-defaults",
        "mover",
        "--steps",
        "5:1m30s,50:hold",
        "--bake",
        "2m",
        "--probe-timeout",
        "3s",
    )
    changed = (await run.good(*set_)).out
    assert re.search(r"^strategy +canary +Plugway$", changed, re.M)
    assert re.search(r"^steps +5:1m30s,50:hold +you$", changed, re.M)
    assert re.search(r"^bake +2m +you$", changed, re.M)
    assert re.search(r"^probe-timeout +3s +you$", changed, re.M)
    begun = (await run.good("rollout", "mover", "2.0.0", "--json")).json
    assert [step["weight"] for step in begun["steps"]] == [5, 50]
    await run.good("abort", begun["id"], "--watch")
    at_once = (await run.good("rollout", "mover", "2.0.0", "--strategy", "direct", "--json")).json
    assert at_once["steps"] == []
    await run.good("abort", "mover", "--watch")
    assert "you" not in (await run.good("rollout-defaults", "mover", "--reset")).out.split()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", "10"), "is no step"),
        (("--steps", "101:5s"), "is no step"),
        (("--steps", "10:soon"), "is no time"),
        (("--bake", "-1"), "is no time"),
        (("--strategy", "hope"), "hope"),
    ],
)
async def test_what_makes_no_sense_is_wrong_usage(run: Shell, words: tuple[str, ...], said: str) -> None:
    ran = await run("rollout", "mover", "2.0.0", *words)
    assert (ran.code, said in ran.err) == (2, True), ran


async def test_what_is_refused_says_why(run: Shell) -> None:
    same, unknown, clash = await asyncio.gather(
        run("rollout", "mover", "1.0.0"),
        run("rollout", "mover", "9.0.0", "--json"),
        run("rollout", "mover", "2.0.0", "--strategy", "direct", "--steps", "5:1s"),
    )
    assert (same.code, "at this release already" in same.err) == (1, True)
    assert (unknown.code, "9.0.0" in unknown.err) == (4, True)
    assert (clash.code, "/steps" in clash.err) == (6, True)
    assert (await run("status", "--watch")).code == 2


async def test_the_live_view_in_a_terminal(run: Shell) -> None:
    id_ = await run.begin("2.0.0", "--steps", "30:2s", "--bake", "2s")
    shown = await in_terminal(run, "status", "mover", "--watch")
    for words in ("mover 1.0.0 > 2.0.0, canary", id_, "canary 1/1", "s left", "new sessions", "median"):
        assert words in shown, shown
    assert "mover is at 2.0.0." in shown


async def in_terminal(run: Shell, *words: str) -> str:
    """What the program draws on a terminal of its own."""
    ours, theirs = pty.openpty()
    variables = {**environment(**run.settings), "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *words, cwd=ROOT, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = bytearray()

    def read() -> None:
        # The terminal is gone (EIO) once the program has ended.
        with contextlib.suppress(OSError):
            while block := os.read(ours, 65536):
                drawn.extend(block)

    try:
        await asyncio.wait_for(asyncio.to_thread(read), 60)
        assert await process.wait() == 0, drawn.decode()
    finally:
        os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode())


async def test_a_watch_outlives_the_gateway(tmp_path: Path) -> None:
    settings = {"PLUGWAY_PLUGIN_PATH": str(releases(tmp_path / "releases"))}
    async with gateway(tmp_path / "home", settings=settings) as first:
        run = Shell(first)
        await run.good("install", "mover", "--version", "1.0.0")
        id_ = await run.begin("2.0.0", "--steps", "30:hold")
        await run.phase(id_, "paused")
        watching = await asyncio.create_subprocess_exec(
            *(*PROGRAM, "status", "mover", "--watch"),
            cwd=ROOT,
            env=environment(**run.settings),
            stdout=asyncio.subprocess.PIPE,
        )
        assert watching.stdout
        told = [(await watching.stdout.readline()).decode()]
        assert id_ in told[0]
        await first.stop(signal.SIGKILL)
        while "Waiting for it" not in told[-1]:
            told.append((await watching.stdout.readline()).decode())
            assert told[-1], told
        port = int(first.base.rsplit(":", 1)[1])
        async with gateway(tmp_path / "home", settings=settings, port=port):
            await run.good("resume", "mover")
            rest = (await watching.stdout.read()).decode()
            assert await watching.wait() == 0, (told, rest)
    assert "The gateway answers again." in rest
    assert rest.splitlines()[-1] == "mover is at 2.0.0."
