from __future__ import annotations

import re
import socket

import pytest

from gateway.registry.boards import EventBoard
from gateway.serving import Narrator, PortTaken, listen


def test_each_change_is_told_once() -> None:
    board, narrator = EventBoard(), Narrator()
    told = [
        narrator.tell(event)
        for event in (
            board.emit("plugin.state", "notes", state="starting", reason="It is about to be started."),
            board.emit("plugin.progress", "notes", text="It is being started."),
            board.emit("plugin.state", "notes", state="starting", reason="It is being started."),
            board.emit("plugin.state", "notes", state="healthy", reason=""),
            board.emit("plugin.state", "notes", state="unhealthy", reason="It exited with code 3."),
            board.emit("plugin.state", "notes", state="unhealthy", reason="It is started again soon."),
            board.emit("rollout.phase", "notes", phase="aborting", reason="It died."),
            board.emit("plugin.settings", "notes", revision=2),
        )
    ]
    assert told[0] == "starting: It is about to be started."
    assert told[1] == "It is being started."
    assert told[2] == ""
    assert re.fullmatch(r"healthy after \d+\.\d s", told[3])
    assert told[4:] == [
        "unhealthy: It exited with code 3.",
        "unhealthy: It is started again soon.",
        "rollout aborting: It died.",
        "",
    ]


def test_a_taken_port_is_told_with_the_next_step() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match="Cannot listen on") as refused:
            listen("127.0.0.1", port)
    assert f"PORT={port + 1}" in refused.value.hint
