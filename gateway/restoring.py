"""The last part of a restore: what lies ready in the home takes the place of what was there.

``.restore/`` in the home directory is complete, on the disk and judged from the moment that it has this
name. So whoever opens the home next, after a kill at any point, goes on from there to the same end.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gateway.durable import sync

READY = ".restore"
NAMES = "names.json"
"""In it: which of the replaced names there are; the others have to be gone in the end."""
KEY = "secrets.key"
DATABASE = "plugway.db"
FILES = (DATABASE, "policy.toml", "catalogues.toml", "registries.json", "first-start.done")
FOLDERS = ("external", "packages", "images", "store", "catalogues", "remotes")
# SQLite would take them for parts of the restored database; the last says which files were judged.
_STALE = (f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", "unchanged.json")


def finish_restore(home: Path) -> bool:
    """Whether there was a restore to finish. Blocking; may be cut off anywhere and called again."""
    place = home / READY
    for leftover in home.glob(f"{READY}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if not place.is_dir():
        return False
    named = set(json.loads((place / NAMES).read_text()))
    for name in (*_STALE, *FILES, *FOLDERS):
        if name not in named:
            _remove(home / name)
        elif (place / name).exists():
            _remove(home / name)
            (place / name).rename(home / name)
    if (place / KEY).exists():
        (home / "keys").mkdir(mode=0o700, exist_ok=True)
        (place / KEY).replace(home / "keys" / KEY)
        sync(home / "keys")
    sync(home)
    # By another name first: half removed, it would be taken for a restore without its list.
    place.rename(done := home / f"{READY}.done")
    shutil.rmtree(done, ignore_errors=True)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
