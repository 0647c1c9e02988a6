"""Backups: of one moment, without a key, and restored whole or not at all."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.backup.manifest import BadBackup
from gateway.backup.restore import HomeInUse, KeyNeeded, RestoreFailed, restore_backup
from gateway.backup.write import NotBackedUp, database_file, write_backup
from gateway.cli.exits import Failure
from gateway.cli.whole_file import writing_whole
from gateway.errors import PlugwayError
from gateway.home import Home, HomeBusy
from gateway.model import DirectoryArtifact, PluginId, Source
from gateway.registry.migrate import DatabaseNewer
from gateway.registry.records import PluginSettings
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from tests.command import ROOT, plugway
from tests.faults.test_rollout_disk import fill
from tests.parts import need_root
from tests.running import gateway
from tests.samples import DIGEST, make_record, make_release

SECRET = "s3cret-that-nobody-sees"
PANEL = PluginId("panel")


@dataclass
class Made:
    """A home with a plugin from elsewhere, secrets, policy and keys; and a backup of it."""

    home: Path
    file: Path

    @property
    def key(self) -> Path:
        return self.home / "keys" / "secrets.key"

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        with tarfile.open(self.file) as tar:
            found = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        return json.loads(found.pop("manifest.json")), found

    def write(self, target: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> Path:
        with tarfile.open(target, "w") as tar:
            for name, content in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Made]:
    home = tmp_path_factory.mktemp("here") / "home"
    Home(home).open().close()
    cipher = SecretCipher(home / "keys" / "secrets.key")
    store = await open_store(home)
    await install(store, home)
    contents = {
        "policy.toml": b"# here\n",
        "admin.token": b"admin-token-in-clear",
        "keys/session.key": b"session-key-in-clear",
        "remotes/acme:7443/ca.pem": b"the authority",
        "remotes/acme:7443/key.pem": b"private-key-in-clear",
        "external/tmp/half/file": b"half done",
        "unchanged.json": b"{}",
    }
    for name, content in contents.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    logins = {"registry.example": cipher.encrypt(PluginId("registry:registry.example"), {"username": "u"})}
    (home / "registries.json").write_text(json.dumps(logins))
    file = home.with_name("plugway.backup")
    # The gateway goes on meanwhile.
    with file.open("wb") as out:
        write_backup(home, home / "plugway.db", out)
    await store.update_plugin(PANEL, pinned=True)
    yield Made(home, file)
    await store.close()


async def open_store(home: Path) -> RegistryStore:
    return await RegistryStore.open(
        f"sqlite:///{home / 'plugway.db'}", SecretCipher(home / "keys" / "secrets.key")
    )


async def install(store: RegistryStore, home: Path, version: str = "1.2.0") -> None:
    where = home / "external" / "abc"
    (where / "ui").mkdir(parents=True)
    (where / "ui" / "index.js").write_text(f"page {version}")
    (where / "run").write_text("#!/bin/sh\n")
    (where / "run").chmod(0o700)
    artifact = DirectoryArtifact(path=str(where), digest=DIGEST, command=("run",), image="panel")
    release = replace(make_release("panel", version, artifact), source=Source.CDN)
    settings = PluginSettings(values={"url": "db:1"}, secrets={"/password": SECRET}, revision=3)
    await store.add_plugin(make_record(release, settings), release)


def empty(home: Path) -> bool:
    """Nothing of a backup, and nothing half done, is in it."""
    return not [path for path in home.rglob("*") if path.is_file() and path.name != "gateway.lock"]


async def test_a_home_comes_back_elsewhere_as_it_was_at_that_moment(made: Made, tmp_path: Path) -> None:
    home = tmp_path / "there"
    await asyncio.to_thread(restore_backup, home, made.file, key=made.key)
    store = await open_store(home)
    record = store.plugin(PANEL)
    assert (record.settings.values, record.settings.secrets) == ({"url": "db:1"}, {"/password": SECRET})
    assert record.pinned is False, "what was changed later is not in it"
    assert store.floor(PANEL) == "1.2.0"
    artifact = store.release(record.release_id).release.artifact
    await store.close()
    assert isinstance(artifact, DirectoryArtifact)
    assert artifact.path == str(home / "external" / "abc")
    assert (home / "external" / "abc" / "ui" / "index.js").read_text() == "page 1.2.0"
    modes = {
        name: (home / "external" / "abc" / name).stat().st_mode & 0o777 for name in ("run", "ui/index.js")
    }
    assert modes == {"run": 0o700, "ui/index.js": 0o600}
    assert (home / "policy.toml").read_bytes() == b"# here\n"
    assert (home / "remotes" / "acme:7443" / "ca.pem").exists()
    assert not (home / "external" / "tmp").exists()
    assert not (home / "unchanged.json").exists()
    assert list(home.glob(".restore*")) == []


def test_no_key_and_no_secret_is_in_it_in_clear(made: Made) -> None:
    content = made.file.read_bytes()
    assert b"page 1.2.0" in content
    for secret in (SECRET.encode(), b"in-clear", made.key.read_bytes().strip()):
        assert secret not in content


def test_without_the_key_nothing_is_restored(made: Made, tmp_path: Path) -> None:
    home, other = tmp_path / "there", tmp_path / "other.key"
    with pytest.raises(KeyNeeded, match="2 sealed secrets"):
        restore_backup(home, made.file)
    SecretCipher(other).encrypt(PANEL, {"/x": "y"})
    with pytest.raises(KeyNeeded, match="is not the key"):
        restore_backup(home, made.file, key=other)
    assert empty(home)


def shorter(made: Made, target: Path) -> Path:
    target.write_bytes(made.file.read_bytes().rstrip(b"\0")[:-10])
    return target


def half(made: Made, target: Path) -> Path:
    content = made.file.read_bytes()
    target.write_bytes(content[: len(content) // 2])
    return target


def other_byte(made: Made, target: Path) -> Path:
    target.write_bytes(made.file.read_bytes().replace(b"page 1.2.0", b"page 6.6.6"))
    return target


def other_list(**changes: Any) -> Callable[[Made, Path], Path]:
    def spoil(made: Made, target: Path) -> Path:
        manifest, files = made.parts()
        return made.write(target, manifest | changes, files)

    return spoil


def other_name(name: str) -> Callable[[Made, Path], Path]:
    def spoil(made: Made, target: Path) -> Path:
        manifest, files = made.parts()
        manifest["files"][-1]["name"] = name
        return made.write(target, manifest, files)

    return spoil


def one_more(made: Made, target: Path) -> Path:
    manifest, files = made.parts()
    return made.write(target, manifest, {**files, "files/0": b"more"})


def nothing_like_it(made: Made, target: Path) -> Path:
    target.write_bytes(b"no backup at all" * 1000)
    return target


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (shorter, BadBackup, "unexpected end of data"),
        (half, BadBackup, ""),
        (nothing_like_it, BadBackup, ""),
        (other_byte, BadBackup, "another digest"),
        (one_more, BadBackup, "differ"),
        (other_list(format=2), BadBackup, "of the format '2'"),
        (other_list(revision="9999"), DatabaseNewer, "revision 9999"),
        (other_list(revision="0001"), BadBackup, "another revision"),
        (other_list(extra=1), BadBackup, "/extra"),
        (other_name("../escaped"), BadBackup, "names do not hold"),
        (other_name("keys/secrets.key"), BadBackup, "no backup writes"),
        (other_name("admin.token"), BadBackup, "no backup writes"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)) if callable(value) else None,
)
def test_what_is_not_as_it_was_written_is_refused(
    made: Made, tmp_path: Path, spoil: Callable[[Made, Path], Path], error: type[PlugwayError], words: str
) -> None:
    home = tmp_path / "there"
    with pytest.raises(error) as refused:
        restore_backup(home, spoil(made, tmp_path / "spoilt"), key=made.key)
    assert words in refused.value.detail
    assert empty(home)


def test_a_home_in_use_is_left_alone(made: Made, tmp_path: Path) -> None:
    home = tmp_path / "there"
    running = Home(home).open()
    with pytest.raises(HomeBusy):
        restore_backup(home, made.file, key=made.key, replace=True)
    running.close()
    (home / "policy.toml").write_text("# there\n")
    with pytest.raises(HomeInUse, match=r"policy\.toml"):
        restore_backup(home, made.file, key=made.key)
    assert (home / "policy.toml").read_text() == "# there\n"
    assert not (home / "plugway.db").exists()


def test_postgresql_is_refused_plainly() -> None:
    with pytest.raises(NotBackedUp, match="postgresql") as refused:
        database_file("postgresql://user@host/plugway")
    assert "pg_dump" in refused.value.hint


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    need_root()
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "plugway-test", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_leaves_what_was_there(made: Made, small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    (home / "policy.toml").write_text("# there\n")
    with pytest.raises(RestoreFailed):
        restore_backup(home, made.file, key=made.key, replace=True)
    assert (home / "policy.toml").read_text() == "# there\n"
    assert list(home.glob(".restore*")) == []
    fill(small_disk)
    with pytest.raises(Failure, match="No space left"), writing_whole(small_disk / "backup") as out:
        write_backup(made.home, made.home / "plugway.db", out)
    assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "home"]


@pytest.mark.timeout(150)
def test_a_kill_at_any_point_leaves_the_old_or_the_new(made: Made, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shapes = {"policy.toml": "# old\n", "catalogues.toml": "# old\n", "external/old/ui/a.js": "old page"}
    shapes |= {"remotes/acme:7443/key.pem": "the key here", "keys/secrets.key": "old key"}
    for name, content in shapes.items():
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_text(content)
    with closing(sqlite3.connect(old / "plugway.db")) as database:
        database.execute("CREATE TABLE old (x)")
    words = (sys.executable, "-m", "tests.fakes.dying_restore")
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [*words, made.file, old, made.key, work],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=140,
        check=True,
    )
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    assert {left for _, _, left, *_ in lines} == {"-"}, "nothing half done is left once it is opened"
    assert [code for _, code, *_ in lines] == ["-9"] * (len(lines) - 1) + ["0"]
    seen = [" ".join(said) for _, _, _, *said in lines]
    before, after = seen[0], seen[-1]
    assert before != after
    assert "catalogues.toml" in before
    assert "catalogues.toml" not in after
    # It turns once, and never is anything between.
    turn = seen.index(after)
    assert turn > 5
    assert len(lines) - turn > 5
    assert seen == [before] * turn + [after] * (len(lines) - turn)
    assert "remotes/acme:7443/key.pem=" in after


@pytest.mark.timeout(150)
async def test_the_commands_carry_a_home_over_to_a_gateway(made: Made, tmp_path: Path) -> None:
    there, file = tmp_path / "there", tmp_path / "plugway.backup"
    ran = await plugway("backup", str(file), "--json", PLUGWAY_HOME=str(made.home))
    assert ran.code == 0, ran
    assert file.stat().st_mode & 0o777 == 0o600
    told = ran.json
    assert told["bytes"] == file.stat().st_size
    into = {"PLUGWAY_HOME": str(there)}
    ran = await plugway("restore", str(file), "--digest", "sha256:" + "0" * 64, **into)
    assert (ran.code, told["digest"] in ran.err) == (6, True), ran
    ran = await plugway("restore", str(file), "--digest", told["digest"], **into)
    assert (ran.code, "--key" in ran.err) == (1, True), ran
    ran = await plugway("restore", str(file), "--key", str(made.key), **into)
    assert ran.code == 0, ran
    ran = await plugway("restore", str(file), **into)
    assert (ran.code, "--replace" in ran.err) == (1, True), ran
    async with gateway(there) as running:
        assert (await running.plugin("panel"))["version"] == "1.2.0"


async def test_where_there_is_nothing_it_says_so(tmp_path: Path) -> None:
    ran = await plugway("backup", str(tmp_path / "b"), PLUGWAY_HOME=str(tmp_path / "nothing"))
    assert (ran.code, "There is no registry" in ran.err) == (1, True), ran
    assert not (tmp_path / "b").exists()
