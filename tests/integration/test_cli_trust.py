"""``plugway key``, ``sign`` and ``policy`` as programs, from a key to a release that is judged."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.definition import PluginDefinition
from gateway.model import DirectoryArtifact, Source
from gateway.sources.built_in import BuiltInSource
from gateway.trust.facts import Facts, facts_of
from gateway.trust.judge import Verdict, judge
from gateway.trust.policy import load_policy
from gateway.trust.refusal import Refused, Rule
from tests.command import Ran, environment, plugway
from tests.samples import write_plugin

IMAGE = "registry.example/acme/notes@sha256:" + "1" * 64


class Desk:
    """One publisher's files and one operator's home."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root, root / "home"
        self.plugin = write_plugin(root / "notes")

    async def program(self, *words: str | Path, code: int = 0) -> Ran:
        """As a user runs it."""
        ran = await plugway(*map(str, words), PLUGWAY_HOME=str(self.home))
        assert ran.code == code, ran
        assert "Traceback" not in ran.err
        return ran

    def run_here(self, *words: str | Path, code: int = 0, stdin: str = "", **settings: str) -> Ran:
        """As :meth:`program`, without the second that a process takes to start."""
        env = environment(PLUGWAY_HOME=str(self.home), **settings)
        result = CliRunner().invoke(app, list(map(str, words)), input=stdin, env=env)
        assert result.exit_code == code, result
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Ran(result.exit_code, result.stdout, result.stderr)

    async def run(self, *words: str | Path, code: int = 0, stdin: str = "", **settings: str) -> Ran:
        return await asyncio.to_thread(self.run_here, *words, code=code, stdin=stdin, **settings)

    async def key(self, name: str) -> str:
        made = await self.run("key", "generate", self.root / name, "--json")
        return str(made.json["id"])

    async def facts(self, **changes: Any) -> Facts:
        release = await BuiltInSource([self.root]).resolve(PluginDefinition(id="notes"))
        assert isinstance(release.artifact, DirectoryArtifact)
        found = await asyncio.to_thread(facts_of, replace(release, source=Source.OCI))
        return replace(found, **changes)

    async def judge(self, envelope: Path, **changes: Any) -> Verdict:
        found = await self.facts(**changes)
        policy = await asyncio.to_thread(load_policy, self.home)
        return judge(policy, envelope.read_bytes(), found, datetime.now(UTC))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_from_a_key_to_a_verified_release_and_back(desk: Desk) -> None:
    envelope = desk.root / "notes.intoto.json"
    id_ = await desk.key("a.key")
    await desk.program("sign", desk.plugin, "--key", desk.root / "a.key", "-o", envelope)
    with pytest.raises(Refused, match="No signer in the policy") as caught:
        await desk.judge(envelope)
    assert caught.value.keys == (id_,)

    await desk.program("policy", "trust", "acme", "--key", desk.root / "a.key.pub", "--plugins", "notes")
    verdict = await desk.judge(envelope)
    assert (verdict.verified, verdict.signer, verdict.keys) == (True, "acme", (id_,))

    (desk.plugin / "notes" / "more.py").write_text("")
    with pytest.raises(Refused, match=r"does not list plugin/notes/more\.py"):
        await desk.judge(envelope)
    (desk.plugin / "notes" / "more.py").unlink()

    said = await desk.program("policy", "revoke", id_[:12], "--reason", "laptop lost")
    assert 'revoked_running = "stop"' in said.out
    with pytest.raises(Refused, match="laptop lost") as caught:
        await desk.judge(envelope)
    assert caught.value.rule is Rule.KEY_REVOKED


async def test_two_people_sign_and_a_key_is_rotated(desk: Desk) -> None:
    envelope = desk.root / "notes.intoto.json"
    one, two = await desk.key("a.key"), await desk.key("b.key")
    public = ("--key", desk.root / "a.key.pub", "--key", desk.root / "b.key.pub")
    await desk.run("policy", "trust", "acme", *public, "--plugins", "notes", "--threshold", "2")
    await desk.run("sign", desk.plugin, "--key", desk.root / "a.key", "-o", envelope)
    with pytest.raises(Refused, match="1 of the 2"):
        await desk.judge(envelope)
    again = await desk.run("sign", desk.plugin, "--key", desk.root / "b.key", "--cosign", envelope, "--json")
    assert again.json["keys"] == [one, two]
    assert (await desk.judge(envelope)).keys == (one, two)

    (desk.plugin / "notes" / "app.py").write_text("evil")
    before = envelope.read_bytes()
    third = ("--key", desk.root / "b.key", "--cosign", envelope)
    refused = await desk.run("sign", desk.plugin, *third, code=6)
    assert "plugin/notes/app.py" in refused.err
    assert envelope.read_bytes() == before

    await desk.key("c.key")
    await desk.run("policy", "trust", "acme", "--key", desk.root / "c.key.pub")
    await desk.run("policy", "revoke", two, "--reason", "replaced by c", "--retired")
    told = (await desk.run("policy", "show", "--json")).json["signers"]["acme"]
    assert [key["state"] for key in told["keys"]] == ["valid", "retired", "valid"]


async def test_an_image_is_signed_by_digest_with_all_it_may_do(desk: Desk) -> None:
    await desk.key("a.key")
    envelope = desk.root / "x.json"
    (desk.root / "ui").mkdir()
    (desk.root / "ui" / "index.js").write_text("x")
    words = ("--id", "acme-notes", "--version", "1.2.0", "--key", desk.root / "a.key", "-o", envelope)
    rights = (
        "--egress",
        "api.acme.example:443",
        "--volume",
        "data",
        "--csp",
        "img-src=https://i.acme.example",
    )
    more = ("--ui", desk.root / "ui", "--ui-type", "static", "--expires", "2099-01-31", "--json")
    told = (await desk.run("sign", IMAGE, *words, *rights, *more)).json
    assert set(told["subjects"]) == {"image", "ui/index.js"}
    assert told["subjects"]["image"] == IMAGE.partition("@")[2]
    assert told["lock"]["permissions"] == {"egress": ["api.acme.example:443"], "volumes": ["data"]}
    assert told["lock"]["csp"] == {"img-src": ["https://i.acme.example"]}
    assert (told["lock"]["uiType"], told["lock"]["expires"]) == ("static", "2099-01-31T00:00:00Z")
    before = envelope.read_bytes()
    assert "exists already" in (await desk.run("sign", IMAGE, *words, code=6)).err
    assert envelope.read_bytes() == before
    assert stat.S_IMODE(envelope.stat().st_mode) == 0o644


async def test_a_passphrase_comes_from_stdin_or_the_environment(desk: Desk) -> None:
    file = desk.root / "a.key"
    await desk.run("key", "generate", file, "--encrypt", stdin="correct horse battery\n")
    assert "ENCRYPTED" in file.read_text()
    sign = ("sign", desk.plugin, "--key", file, "-o", desk.root / "x.json")
    assert "passphrase" in (await desk.run(*sign, code=2)).err
    wrong = await desk.run(*sign, code=6, stdin="wrong\n")
    assert "does not open" in wrong.err
    await desk.run(*sign, PLUGWAY_KEY_PASSPHRASE="correct horse battery")
    short = await desk.run("key", "generate", desk.root / "b.key", "--encrypt", code=2, stdin="short\n")
    assert "12 characters" in short.err
    assert not (desk.root / "b.key").exists()


WRONG: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("sign", "--key", "a.key"), 2, "Sign what?"),
    (("sign", "acme/notes:latest", "--key", "a.key"), 2, "named by digest"),
    (("sign", IMAGE, "--key", "none.key"), 6, "cannot be read"),
    (("sign", IMAGE, "--key", "KEY"), 2, "--id"),
    (("sign", IMAGE, "--key", "KEY", "--id", "a"), 2, "--version"),
    (("sign", IMAGE, "--key", "KEY", "--id", "ab", "--version", "x"), 6, "semantic version"),
    (
        ("sign", IMAGE, "--key", "KEY", "--id", "ab", "--version", "1.0.0", "--csp", "x"),
        2,
        "directive=origin",
    ),
    (
        ("sign", IMAGE, "--key", "KEY", "--id", "ab", "--version", "1.0.0", "--expires", "soon"),
        2,
        "not a time",
    ),
    (
        ("sign", IMAGE, IMAGE, "--key", "KEY", "--id", "ab", "--version", "1.0.0"),
        2,
        "two artefacts of one kind",
    ),
    (("sign", "PLUGIN", "--key", "KEY", "--id", "other"), 6, "Leave --id out"),
    (("sign", "PLUGIN", "--key", "KEY", "--egress", "evil:1"), 6, "Leave --egress out"),
    (("sign", IMAGE, "--key", "KEY", "--cosign", "none.json"), 2, "cannot be read"),
    (("policy", "trust", "acme", "--plugins", "x"), 2, "not in the policy yet"),
    (("policy", "trust", "A b", "--key", "KEY.pub", "--plugins", "xx"), 2, "cannot be a name"),
    (("policy", "trust", "acme", "--key", "KEY", "--plugins", "xx"), 6, "private key"),
    (("policy", "revoke", "0123456789ab", "--reason", "x"), 4, "No key in the policy begins"),
    (("policy", "revoke", "xyz", "--reason", "x"), 2, "no id of a key or a release"),
    (("policy", "revoke", "notes-0123456789ab", "--reason", "x", "--retired"), 2, "Only keys are retired"),
    (("policy", "allow-unsigned", "--plugins", "xx", "--sources", "built-in"), 6, "must be one of"),
    (("policy", "check", "none.toml"), 2, "cannot be read"),
)


def test_wrong_usage_changes_nothing_and_says_what_to_do(desk: Desk) -> None:
    desk.run_here("key", "generate", desk.root / "a.key")
    places = {
        "KEY": str(desk.root / "a.key"),
        "KEY.pub": str(desk.root / "a.key.pub"),
        "PLUGIN": str(desk.plugin),
    }
    for words, code, said in WRONG:
        ran = desk.run_here(*(places.get(word, word) for word in words), code=code)
        assert said in ran.err, ran
    assert not (desk.home / "policy.toml").exists()


def test_a_policy_is_shown_and_checked(desk: Desk) -> None:
    assert "these are the defaults" in (desk.run_here("policy", "show")).out
    id_ = desk.run_here("key", "generate", desk.root / "a.key", "--json").json["id"]
    desk.run_here("policy", "trust", "acme", "--key", desk.root / "a.key.pub", "--plugins", "*")
    desk.run_here("policy", "allow-unsigned", "--plugins", "dev-*", "--sources", "npm")
    desk.run_here("policy", "revoke", "notes-0123456789ab", "--reason", "a hole", "--at", "2026-01-31")
    shown = (desk.run_here("policy", "show")).out
    for part in (id_, "let in: dev-* from npm", "notes-0123456789ab", "2026-01-31T00:00:00Z", "a hole"):
        assert part in shown
    path = desk.home / "policy.toml"
    path.chmod(0o666)
    checked = (desk.run_here("policy", "check", "--json")).json
    assert checked["ok"]
    assert any("Others can write" in note for note in checked["notes"])
    assert any("any name" in note for note in checked["notes"])
    path.write_text("signers = 3\n")
    broken = desk.run_here("policy", "check", code=6)
    assert "does not hold" in broken.err
    desk.run_here("policy", "allow-unsigned", "--plugins", "x", code=6)
    assert path.read_text() == "signers = 3\n"
