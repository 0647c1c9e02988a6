"""Restores a backup again and again, each time killed one step later, and says what was left.

``python -m tests.fakes.dying_restore BACKUP OLD_HOME KEY WORK`` copies OLD_HOME for each try and restores
BACKUP into the copy, in a child that SIGKILLs itself at its N-th change of a name on the disk. Then it opens
the home as the next start would, and prints what is in it, one try a line, until a child gets to its end.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from gateway.backup.restore import restore_backup
from gateway.home import Home
from gateway.registry.migrate import Migrations

CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"})


def die_at(change: int) -> None:
    left = change

    def hook(event: str, _arguments: Any) -> None:
        nonlocal left
        if event in CHANGES:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(backup: Path, old: Path, key: Path, work: Path) -> None:
    Migrations.load()  # Else each child would.
    change = 0
    while True:
        change += 1
        home = work / str(change)
        shutil.copytree(old, home)
        child = os.fork()
        if child == 0:
            die_at(change)
            restore_backup(home, backup, key=key, replace=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        opened = Home(home).open()
        opened.close()
        left = sorted(path.name for path in home.glob(".restore*"))
        said = sorted(
            f"{path.relative_to(home)}={path.read_bytes().hex()[:16]}"
            for path in home.rglob("*")
            if path.is_file() and path.suffix in (".toml", ".js", ".key", ".pem")
        )
        words = (str(change), str(os.waitstatus_to_exitcode(status)), ",".join(left) or "-", *said)
        sys.stdout.write(" ".join(words) + "\n")
        sys.stdout.flush()
        if status == 0:
            return


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
