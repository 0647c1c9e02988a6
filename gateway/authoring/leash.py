"""Run a command while standard input stays open: so it ends with whoever started it, also by SIGKILL.

A program of its own, and quick to start: ``python -I -S leash.py GRACE REMOVE COMMAND...``. At the end of its
input the command gets SIGTERM, and GRACE seconds later what is left of its group SIGKILL. The directory
REMOVE, where it is not "", is removed after that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(grace: float, remove: str, command: list[str]) -> int:
    # What reads the output may be gone; the leash still has to do its work.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{command[0]} cannot be run: {error.strerror}\n".encode())
        return 127
    ended = threading.Event()
    threading.Thread(target=_hold, args=(child.pid, grace, ended), daemon=True).start()
    code = child.wait()
    ended.set()
    # What it forked, and did not end.
    _send(child.pid, signal.SIGKILL)
    if remove:
        # A fifth of this program's start, which each reload waits for.
        import shutil

        shutil.rmtree(remove, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _hold(group: int, grace: float, ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    _send(group, signal.SIGTERM)
    if not ended.wait(grace):
        _send(group, signal.SIGKILL)


def _send(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
