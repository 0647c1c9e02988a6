"""The command line against a real gateway, with real plugins."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import PROGRAM, ROOT, Ran, environment, plugway
from tests.running import RunningGateway, gateway, until
from tests.samples import write_plugin

# Each command is a process of its own: on a busy machine they take their time.
pytestmark = pytest.mark.timeout(180)
TINY = ROOT / "tests" / "fakes" / "tiny_plugin"
SECRET = "hunter2-very-secret"
NEEDY = """
from plugway_sdk import Plugin, SettingsRefused, serve
from pydantic import BaseModel, SecretStr


class Settings(BaseModel):
    url: str
    readOnly: bool = False
    password: SecretStr = SecretStr("")


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def configured(settings):
    if not settings.url.startswith("redis://"):
        raise SettingsRefused({"/url": "must begin with redis://"})


serve(Plugin(id="needy", version="1.0.0", name="Needy", app=app, settings=Settings, on_configure=configured))
"""


@dataclass(frozen=True)
class Shell:
    """A user's shell beside a running gateway."""

    gateway: RunningGateway

    @property
    def settings(self) -> dict[str, str]:
        return {"PLUGWAY_URL": self.gateway.base, "PLUGWAY_HOME": str(self.gateway.home)}

    async def __call__(self, *words: str, stdin: str = "", **settings: str) -> Ran:
        return await plugway(*words, stdin=stdin, **{**self.settings, **settings})

    async def good(self, *words: str, stdin: str = "") -> Ran:
        ran = await self(*words, stdin=stdin)
        assert ran.code == 0, ran
        return ran


@asynccontextmanager
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    plugins = tmp_path / "plugins"
    await asyncio.to_thread(shutil.copytree, TINY, plugins / "tiny")
    crash = write_plugin(plugins / "crash", "crash")
    text = (crash / "plugway.toml").read_text()
    (crash / "plugway.toml").write_text(text.replace('"-m", "crash"', '"-c", "raise SystemExit(9)"'))
    needy = write_plugin(plugins / "needy", "needy")
    (needy / "needy" / "__main__.py").write_text(NEEDY)
    settings = {
        "PLUGWAY_PLUGIN_PATH": str(plugins),
        "PLUGWAY_QUARANTINE_AFTER": "2",
        "PLUGWAY_BACKOFF_FIRST": "0.1",
    }
    async with gateway(tmp_path / "home", settings=settings) as running:
        yield Shell(running)


async def test_the_life_of_a_plugin(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        assert "No plugin is installed." in (await run.good("list")).out
        available = (await run.good("list", "--available", "--json")).json["plugins"]
        assert {"tiny", "crash", "notes"} <= {entry["id"] for entry in available}

        assert (await run.good("install", "tiny")).out == "tiny 1.0.0 is healthy.\n"
        assert "tiny  1.0.0    healthy" in (await run.good("list")).out
        status = (await run.good("status", "tiny", "--check", "--json")).json
        first = status["instances"][0]["startedAt"]
        kept = (await run.gateway.client.get("/api/v1/plugins/tiny/lock")).json()
        assert (await run.good("lock", "tiny", "--json")).json == kept
        shown = (await run.good("lock", "tiny")).out
        for word in (
            kept["releaseId"],
            kept["resolved"],
            kept["digests"][0]["digest"],
        ):
            assert word in shown
        assert re.search(r"^tier +built-in$", shown, re.M)
        for one in ("status tiny", "info tiny"):
            assert re.search(r"^tier +built-in$", (await run.good(*one.split())).out, re.M), one
        assert re.search(r"^tiny .* built-in ", (await run.good("list")).out, re.M)
        assert re.search(r"^tiny +[0-9.]+ +built-in ", (await run.good("list", "--available")).out, re.M)
        assert (await run("lock", "tinny")).code == 4

        again = await run("install", "tiny")
        assert (again.code, again.out) == (1, "")
        assert "already" in again.err

        restarted = (await run.good("restart", "tiny", "--json")).json
        assert restarted["state"] == "healthy"
        assert restarted["instances"][0]["startedAt"] > first

        assert (await run.good("disable", "tiny")).out == "tiny is disabled.\n"
        assert (await run("status", "tiny", "--check")).code == 1
        assert (await run("status", "--check")).code == 0
        assert (await run.good("enable", "tiny")).out == "tiny 1.0.0 is healthy.\n"

        refused = await run("uninstall", "tiny", "--purge")
        assert refused.code == 2
        assert "--yes" in refused.err
        assert (await run.good("uninstall", "tiny", "--purge", "--yes")).out.startswith("tiny is uninstalled")
        assert (await run("status", "tiny")).code == 4


async def test_what_goes_wrong_is_said_with_what_to_do(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        near = await run("install", "tinny")
        assert (near.code, near.err.splitlines()[1].strip()) == (4, "Did you mean 'tiny'?")
        crash = await run("install", "crash")
        assert crash.code == 1
        assert "crash does not start" in crash.err
        assert "plugway logs crash" in crash.err
        quarantined = await run("restart", "crash")
        assert quarantined.code == 1
        far, bad, unknown, stranger, nobody = await asyncio.gather(
            run("install", "far", "--url", "grpc://127.0.0.1:1", "--timeout", "3"),
            run("install", "-", stdin=json.dumps({"id": "tiny", "verified": True})),
            run("install", "-", "--json", stdin=json.dumps({"id": "tiny", "colour": 1})),
            run("list", PLUGWAY_TOKEN="wrong"),
            run("list", PLUGWAY_HOME=str(tmp_path)),
        )
        assert far.code == 7
        assert " 3 s" in far.err
        assert bad.code == 6
        assert "/verified" in bad.err
        assert json.loads(unknown.err)["errors"][0]["field"] == "/colour"
        assert stranger.code == 5
        assert nobody.code == 5
        assert "PLUGWAY" in nobody.err
        await asyncio.to_thread((run.gateway.home / "remotes" / "far").mkdir, parents=True)
        doctor, as_json = await asyncio.gather(run("doctor"), run("doctor", "--json"))
        assert doctor.code == 1
        assert "FAIL plugin crash" in doctor.out
        assert "FAIL remote far" in doctor.out
        assert "plugway logs crash" in doctor.out
        assert {check["name"]: check["ok"] for check in as_json.json["checks"]}["gateway"] is True


async def test_settings_and_secrets(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        waiting = await run.good("install", "needy")
        assert waiting.out.splitlines() == [
            "needy 1.0.0 is installed.",
            "needy needs settings before it works. See them: plugway configure needy",
        ]
        assert (await run("restart", "needy")).code == 1
        near = await run("configure", "needy", "ulr=x")
        assert (near.code, near.err.splitlines()[1].strip()) == (6, "Did you mean 'url'?")
        bad = await run("configure", "needy", "url=nonsense")
        assert bad.code == 6
        assert "/url:" in bad.err
        shown = await run("configure", "needy", f"password={SECRET}")
        assert shown.code == 2
        assert SECRET not in shown.err + shown.out
        url = "url=redis://127.0.0.1:1/0"
        assert "would take" in (await run.good("configure", "needy", url, "--dry-run")).out
        words = ("configure", "needy", url, "readOnly=true", "--secret", "password")
        assert "took the settings" in (await run.good(*words, stdin=f"{SECRET}\n")).out
        known = (await run.good("configure", "needy", "--json")).json
        assert known["values"]["readOnly"] is True
        assert known["secretsSet"] == ["/password"]
        assert (await run.good("restart", "needy")).out == "needy 1.0.0 is healthy.\n"
        # A secret that is not named stays as it is.
        await run.good("configure", "needy", "--unset", "readOnly")
        table = (await run.good("configure", "needy")).out
        assert "(set)" in table
        assert SECRET not in table
        files = [path for path in run.gateway.home.rglob("*") if path.is_file()]
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]


async def test_logs_follow_across_a_restart_until_the_reader_leaves(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        await run.good("install", "tiny")
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("logs", "tiny", "--follow"),
            env=environment(**run.settings),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        lines: list[bytes] = []

        async def read() -> None:
            assert process.stdout is not None
            async for line in process.stdout:
                lines.append(line)

        reading = asyncio.create_task(read())
        try:
            await until(lambda: lines, "a first line")
            before = len(lines)
            await run.good("restart", "tiny")
            await until(lambda: len(lines) > before, "a line of the new instance")
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 20) == 130
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
            await reading
        ran = await run("logs", "tiny", "--tail", "1", "--json")
        assert set(json.loads(ran.out)) == {"at", "instance", "text"}
        assert (await run("logs", "tyny")).code == 4


async def test_signing_in_and_a_gateway_that_goes_away(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        link = (await run.good("token")).out.strip()
        assert link.startswith(f"{run.gateway.base}/login?code=")
        document = (await run.good("token", "login", "--json")).json
        client = run.gateway.client
        assert (await client.get(document["url"], headers={"authorization": ""})).status_code == 303
        assert (await client.get(document["url"], headers={"authorization": ""})).status_code in (401, 403)

        await run.good("install", "tiny")
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("logs", "tiny", "--follow"),
            env=environment(**run.settings),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        await run.gateway.stop()
        _, err = await process.communicate()
        assert process.returncode == 3
        assert b"Traceback" not in err


async def test_tokens_from_the_command_line(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        assert "There is no token" in (await run.good("token", "list")).out
        assert "/login?code=" in (await run.good("token")).out
        await run.good("install", "tiny")
        made = await run.good("token", "create", "ci", "--grant", "tiny=operator", "--expires", "30d")
        secret = made.out.strip()
        assert secret.startswith("plugway_")
        assert made.out.count("\n") == 1
        row = next(line for line in (await run.good("token", "list")).out.splitlines() if "ci" in line)
        assert "tiny=operator" in row
        assert secret not in row
        assert (await run("restart", "tiny", PLUGWAY_TOKEN=secret)).code == 0
        assert "tiny" in (await run("list", PLUGWAY_TOKEN=secret)).out
        assert (await run("uninstall", "tiny", "--yes", PLUGWAY_TOKEN=secret)).code == 5
        assert (await run("token", "list", PLUGWAY_TOKEN=secret)).code == 5
        assert (await run("token", "create", "x", "--grant", "tiny")).code == 2
        assert (await run("token", "create", "x", "--role", "viewer", "--expires", "soon")).code == 2
        assert (await run("token", "create", "x")).code == 6
        await run.good("token", "revoke", "ci")
        assert (await run("restart", "tiny", PLUGWAY_TOKEN=secret)).code == 5
        assert (await run("token", "revoke", "ci")).code == 4


async def test_the_audit_log_from_the_command_line(tmp_path: Path) -> None:
    async with shell(tmp_path) as run:
        await run.good("install", "tiny")
        await run.good("restart", "tiny")
        shown = (await run.good("audit")).out.splitlines()
        assert "restartPlugin" in shown[1]
        assert "tiny" in shown[1]
        first = (await run.good("audit", "--verify")).out
        assert "4 entries, unchanged" in first
        noted = first.splitlines()[-1]
        file = tmp_path / "audit.ndjson"
        await run.good("disable", "tiny")
        told = (await run.good("audit", "--verify", "--noted", noted, "--export", str(file), "--json")).json
        assert (told["entries"], told["holds"]) == (6, True)
        exported = [json.loads(line) for line in (await asyncio.to_thread(file.read_text)).splitlines()]
        assert [entry["seq"] for entry in exported] == [1, 2, 3, 4, 5, 6]
        assert (await run("audit", "--since", "1h")).out.count("disablePlugin") == 2
        forged = f"2:{'0' * 64}"
        refused = await run("audit", "--verify", "--noted", forged)
        assert refused.code == 1
        assert "not the one that was noted" in refused.out
        assert (await run("audit", "--noted", "x")).code == 2
        assert (await run("audit", "--since", "once")).code == 2
