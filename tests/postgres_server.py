"""A real PostgreSQL of the tests' own: its data in a temporary directory, on a free port."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.parts import need_postgres

PASSWORD = "pw-" + secrets.token_hex(8)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Yields the URL of the server, without a database's name."""
    programs = need_postgres()
    # Not under pytest's own directory: its parents are closed to the user below.
    with tempfile.TemporaryDirectory(prefix="plugway-pg-", ignore_cleanup_errors=True) as place:
        home = Path(place)
        (home / "password").write_text(PASSWORD)
        as_user = _other_user(home)
        data = home / "data"
        subprocess.run(
            [
                str(programs / "initdb"),
                f"--pgdata={data}",
                "--username=gateway",
                "--auth=scram-sha-256",
                f"--pwfile={home / 'password'}",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=home,
            **as_user,
        )
        port = _free_port()
        options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(home), "-F"]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [str(programs / "postgres"), *options], stdout=log, stderr=log, cwd=home, **as_user
            )
        try:
            _await_answer(server, port, home / "log")
            yield f"postgresql://gateway:{PASSWORD}@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _other_user(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses root; the tests may well be root in a container."""
    if os.getuid() != 0:
        return {}
    names = [entry.pw_name for entry in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    shutil.chown(home, user.pw_uid, user.pw_gid)
    shutil.chown(home / "password", user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {log.read_text()}")
        if "ready to accept connections" in log.read_text():
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not come up: {log.read_text()}")
