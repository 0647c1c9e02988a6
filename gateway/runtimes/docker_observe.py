"""What an engine's inspect document says of an instance. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from gateway.home import Home
from gateway.model import Endpoint, ExitInfo, InstanceId, InstanceState, PluginId, ReleaseId, TlsFiles
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import RuntimeInstance
from gateway.runtimes.docker_sandbox import sandbox_of
from gateway.runtimes.docker_spec import TCP_PORT
from gateway.runtimes.exits import exit_info
from gateway.runtimes.listen import SOCKET

_RUNNING = {"running", "paused", "restarting"}
# A shell and init both tell of a signal this way.
_SIGNAL_BASE = 128


def observe(
    document: Mapping[str, Any],
    home: Home,
    tls: TlsFiles | None,
    words: str,
    security: Collection[str] = (),
) -> RuntimeInstance:
    """``words`` are the last of its output, needed for an exited one only; ``security`` the
    engine's security options.
    """
    labels = document["Config"]["Labels"]
    state = document["State"]
    id_ = InstanceId(labels[names.INSTANCE])
    alive = state["Status"] in _RUNNING
    return RuntimeInstance(
        id=id_,
        plugin_id=PluginId(labels[names.PLUGIN]),
        release_id=ReleaseId(labels[names.RELEASE]),
        state=InstanceState.RUNNING if alive else InstanceState.EXITED,
        endpoint=_endpoint(document, id_, home, tls) if alive else None,
        started_at=seconds(state.get("StartedAt", "")),
        exit=None if alive else _exit(document, words),
        handle=document["Id"],
        sandbox=sandbox_of(document, security, (home.path, home.run_root)),
    )


def running(document: Mapping[str, Any]) -> bool:
    return document["State"]["Status"] in _RUNNING


def _endpoint(
    document: Mapping[str, Any], id_: InstanceId, home: Home, tls: TlsFiles | None
) -> Endpoint | None:
    incarnation = f"{document['Id'][:12]}-{seconds(document['State']['StartedAt']):.2f}"
    if tls is None:
        address = f"unix:{home.run_directory(id_) / 'io' / SOCKET}"
        return Endpoint(instance_id=id_, address=address, incarnation=incarnation, mounted=True)
    published = (document["NetworkSettings"]["Ports"] or {}).get(f"{TCP_PORT}/tcp")
    if not published:
        return None
    address = f"127.0.0.1:{published[0]['HostPort']}"
    return Endpoint(instance_id=id_, address=address, incarnation=incarnation, tls=tls)


def _exit(document: Mapping[str, Any], words: str) -> ExitInfo:
    state = document["State"]
    if state["Status"] == "created":
        why = state.get("Error") or "the gateway ended before it could"
        return ExitInfo(reason=f"Its container was made but never started: {why}.")
    code = state["ExitCode"]
    if state.get("OOMKilled"):
        return exit_info(
            code=code, out_of_memory=True, memory_limit=document["HostConfig"].get("Memory", 0), words=words
        )
    if _SIGNAL_BASE < code < _SIGNAL_BASE + 32:
        return exit_info(killed_by=code - _SIGNAL_BASE, words=words)
    return exit_info(code=code, words=words)


def seconds(stamp: str) -> float:
    """Unix time of an engine's time stamp; 0 for its "never" (the year 1)."""
    try:
        parsed = datetime.fromisoformat(stamp)
    except ValueError:
        return 0.0
    return parsed.timestamp() if parsed.year > 1 else 0.0
