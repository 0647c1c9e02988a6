"""Restoring a backup into a home: judged whole beside what is there, which then is replaced at one point."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.backup.manifest import MANIFEST, BadBackup, Manifest, file_name, read_manifest
from gateway.durable import sync, sync_tree
from gateway.errors import Conflict, PlugwayError, Unavailable
from gateway.home import Home
from gateway.model import PluginId
from gateway.registry.image_logins import bound_to
from gateway.registry.secrets import SecretCipher
from gateway.restoring import DATABASE, FILES, FOLDERS, KEY, NAMES, READY, finish_restore
from gateway.sources.archive import Caps, unpack

_OURS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
_AGAIN = "It was damaged or cut short: take another copy of it."


class HomeInUse(Conflict):
    """There is something in the home already."""

    key, title = "home-not-empty", "The home directory is not empty"


class KeyNeeded(Conflict):
    """The stored secrets are sealed with a key that is not here."""

    key, title = "key-needed", "The key of the secrets is needed"


class RestoreFailed(Unavailable):
    """The disk would not take it; the home is as it was."""

    key, title = "restore-failed", "The backup could not be restored"


def restore_backup(path: Path, file: Path, *, key: Path | None = None, replace: bool = False) -> Manifest:
    """Put the backup in ``file`` into the home at ``path``. Blocking.

    ``key`` is a copy of the ``keys/secrets.key`` that belongs to the backup; ``replace`` allows a home
    that is not empty.
    Raises :class:`BadBackup`, :class:`HomeInUse`, :class:`KeyNeeded`, :class:`RestoreFailed`,
    ``HomeBusy`` while a gateway runs there, and ``DatabaseNewer``. The home is then what it was.
    """
    home = Home(path)
    try:
        home.open()
        try:
            return _restore(home.path, file, key, replace=replace)
        finally:
            home.close()
    except OSError as error:
        raise RestoreFailed(
            f"{error.filename or path}: {error.strerror or error}.",
            hint="See to free space and to write permission there; nothing was changed.",
        ) from error


def _restore(home: Path, file: Path, key: Path | None, *, replace: bool) -> Manifest:
    taken = [name for name in (*FILES, *FOLDERS) if _is_there(home / name)]
    if taken and not replace:
        raise HomeInUse(
            f"{home} has a {taken[0]} already.",
            hint="Name an empty PLUGWAY_HOME, or give --replace: what is there then goes.",
        )
    work = home / f"{READY}.{secrets.token_hex(4)}"
    work.mkdir(mode=0o700)
    try:
        manifest = _unpacked(file, work)
        place = work / "ready"
        _lay_out(manifest, work / "files", place)
        _judge_database(place / DATABASE, manifest, home)
        _take_key(place, key or home / "keys" / KEY, given=key is not None)
        _keep_private_keys(home / "remotes", place / "remotes")
        present = [name for name in (*FILES, *FOLDERS) if (place / name).exists()]
        (place / NAMES).write_text(json.dumps(present))
        sync_tree(place)
        # From here on it is done, whatever happens.
        place.rename(home / READY)
        sync(home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    finish_restore(home)
    return manifest


def _is_there(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _unpacked(file: Path, work: Path) -> Manifest:
    size = file.stat().st_size
    entries = work / "unpacked"
    try:
        names = set(unpack(file, entries, Caps(entries=2**20, size=size)))
    except PlugwayError as error:
        if error.status >= 500:
            raise RestoreFailed(error.detail, hint="Nothing was changed.") from error
        raise BadBackup(f"{file} cannot be read as a backup: {error.detail}", hint=_AGAIN) from error
    manifest = read_manifest(entries / MANIFEST)
    if names != {MANIFEST, *(file_name(number + 1) for number in range(len(manifest.files)))}:
        raise BadBackup("Its list and its files differ.", hint=_AGAIN)
    for number, listed in enumerate(manifest.files, start=1):
        with (entries / file_name(number)).open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != listed.sha256:
                raise BadBackup(f"Its {listed.name} has another digest than its list says.", hint=_AGAIN)
    (entries / "files").rename(work / "files")
    return manifest


def _lay_out(manifest: Manifest, files: Path, place: Path) -> None:
    place.mkdir(mode=0o700)
    for number, listed in enumerate(manifest.files, start=1):
        target = place / listed.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (files / str(number)).rename(target)
        target.chmod(0o700 if listed.executable else 0o600)


def _judge_database(file: Path, manifest: Manifest, home: Path) -> None:
    """It is whole, not newer than this Plugway, and names what was fetched by where it lies now."""
    from gateway.registry.migrate import DatabaseNewer, Migrations  # costs more than all the rest

    known = Migrations.load().names
    if manifest.revision not in known:
        raise DatabaseNewer(
            f"Its database is at revision {manifest.revision}, and this Plugway knows up to {known[-1]}.",
            hint=f"It was written by Plugway {manifest.plugway}: restore it with that, or a newer one.",
        )
    try:
        with closing(sqlite3.connect(file)) as database, database:
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise BadBackup("Its database is damaged.", hint=_AGAIN)
            if database.execute("SELECT version_num FROM alembic_version").fetchall() != [
                (manifest.revision,)
            ]:
                raise BadBackup("Its database is at another revision than its list says.", hint=_AGAIN)
            for id_, text in database.execute("SELECT id, release FROM releases").fetchall():
                _relocate(database, id_, json.loads(text), manifest.home, home)
    except sqlite3.Error as error:
        if error.sqlite_errorcode in _OURS:
            raise RestoreFailed(f"{home}: {error}.", hint="Nothing was changed.") from error
        raise BadBackup(f"Its database cannot be read: {error}.", hint=_AGAIN) from error


def _relocate(
    database: sqlite3.Connection, id_: str, release: dict[str, object], was: str, home: Path
) -> None:
    artifact = release["artifact"]
    assert isinstance(artifact, dict)
    path = str(artifact.get("path", ""))
    if path.startswith(f"{was}/"):
        artifact["path"] = str(home / path.removeprefix(f"{was}/"))
        changed = json.dumps(release)
        database.execute("UPDATE releases SET release = ? WHERE id = ?", (changed, id_))


def _take_key(place: Path, key: Path, *, given: bool) -> None:
    """The key opens every secret of the backup, or nothing is restored."""
    sealed = list(_sealed(place))
    if not sealed and not given:
        return
    if not key.is_file():
        raise KeyNeeded(
            f"The backup holds {len(sealed)} sealed secrets, and there is no key for them at {key}.",
            hint="Give the keys/secrets.key of the home that was backed up: --key FILE",
        )
    (copy := place / KEY).write_bytes(key.read_bytes())
    copy.chmod(0o600)
    cipher = SecretCipher(copy)
    for owner, token in sealed:
        try:
            cipher.decrypt(owner, token)
        except PlugwayError as error:
            raise KeyNeeded(
                f"{key} is not the key that the secrets of this backup were sealed with.",
                hint="Give the keys/secrets.key of the home that was backed up: --key FILE",
            ) from error


def _sealed(place: Path) -> list[tuple[PluginId, str]]:
    with closing(sqlite3.connect(place / DATABASE)) as database:
        found = [
            (PluginId(id_), token)
            for id_, token in database.execute("SELECT id, secrets FROM plugins")
            if token
        ]
        for id_, text in database.execute("SELECT plugin_id, settings_before FROM rollouts"):
            before = json.loads(text) if text else None
            if before and before.get("secrets"):
                found.append((PluginId(id_), before["secrets"]))
    logins = place / "registries.json"
    stored = json.loads(logins.read_bytes()) if logins.exists() else {}
    return found + [(bound_to(host), token) for host, token in stored.items()]


def _keep_private_keys(here: Path, restored: Path) -> None:
    """Backups hold no keys, so those that lie here stay."""
    for key in here.glob("*/key.pem"):
        if (restored / key.parent.name).is_dir():
            shutil.copy2(key, restored / key.parent.name / key.name)
