"""The container of an instance: what the sandbox is made of. No engine is called here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount

from gateway.home import Home
from gateway.runtimes import docker_names as names
from gateway.runtimes.base import InstanceSpec
from gateway.runtimes.listen import SOCKET
from gateway.runtimes.marks import EGRESS, HOME_ID, plugin_environment
from gateway.settings import Settings

_NOBODY = 65532
_SOCKETS = "/run/plugway"
_TLS = "/run/plugway-tls"
_EGRESS = "/run/plugway-egress"
_VOLUMES = "/volumes"
TCP_PORT = 7700
_SPAN, _LEAST = 10_000, 1_000
"""Microseconds."""
_SCRATCH = "rw,noexec,nosuid,nodev,size=64m,mode=1777"


def owner() -> tuple[int, int]:
    """Who a container runs as: the gateway's own user, so that files fit, but never root."""
    uid = os.getuid()
    return (_NOBODY, _NOBODY) if uid == 0 else (uid, os.getgid())


def socket_directory(home: Home, spec: InstanceSpec) -> Path:
    """Apart from the rest of the run directory, as the plugin may write here."""
    return home.run_directory(spec.id) / "io"


def tls_directory(home: Home, spec: InstanceSpec) -> Path:
    return home.run_directory(spec.id) / "tls"


def has_network(settings: Settings, spec: InstanceSpec, transport: str) -> bool:
    """Whether it gets a bridge: for the contract over TCP, or because the operator wants it so."""
    return transport == "tcp" or bool(spec.release.permissions.egress and settings.docker_egress == "network")


def by_relay(settings: Settings, spec: InstanceSpec, transport: str) -> bool:
    """Whether what it was granted is reached through the gateway's relay."""
    return bool(spec.release.permissions.egress) and not has_network(settings, spec, transport)


def container_options(
    *,
    home: Home,
    settings: Settings,
    spec: InstanceSpec,
    image: str,
    transport: str,
    volumes: dict[str, Path],
) -> dict[str, Any]:
    """Keyword arguments for ``containers.create``."""
    user, group = owner()
    tcp = transport == "tcp"
    environment = plugin_environment(
        instance=spec.id,
        home=home,
        listen=f"tcp:0.0.0.0:{TCP_PORT}" if tcp else f"unix:{_SOCKETS}/{SOCKET}",
        volumes=_VOLUMES,
        tls=_TLS if tcp else "",
    )
    relayed = by_relay(settings, spec, transport)
    if relayed:
        environment[EGRESS] = f"unix:{_EGRESS}/{home.egress_socket(spec.id).name}"
    # A container is known by its labels; by this mark the process runtime would take it for its own.
    del environment[HOME_ID]
    mounts = [
        Mount(f"{_VOLUMES}/{name}", str(path), type="bind", read_only=False) for name, path in volumes.items()
    ]
    if tcp:
        mounts.append(Mount(_TLS, str(tls_directory(home, spec)), type="bind", read_only=True))
    else:
        mounts.append(Mount(_SOCKETS, str(socket_directory(home, spec)), type="bind", read_only=False))
    if relayed:
        # Read-only: the way out is the gateway's, and may be used but not replaced.
        mounts.append(Mount(_EGRESS, str(home.egress_socket(spec.id).parent), type="bind", read_only=True))
    options: dict[str, Any] = {
        "image": image,
        "name": names.container_name(home, spec.id),
        "labels": names.labels(home, spec, transport),
        "environment": {**environment, "HOME": "/tmp"},  # noqa: S108  (the container's own)
        "mounts": mounts,
        "user": f"{user}:{group}",
        **_sandbox(settings),
    }
    if has_network(settings, spec, transport):
        options["network"] = names.network_name(home, spec.release.plugin_id)
        options["extra_hosts"] = {"host.docker.internal": "host-gateway"}
    else:
        options["network_mode"] = "none"
    if tcp:
        options["ports"] = {f"{TCP_PORT}/tcp": ("127.0.0.1", None)}
    return options


def _sandbox(settings: Settings) -> dict[str, Any]:
    return {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": settings.memory_bytes,
        # Equal to the limit: no swap beyond it.
        "memswap_limit": settings.memory_bytes,
        **_processors(settings.cpus),
        "pids_limit": settings.pids,
        "tmpfs": {"/tmp": _SCRATCH},  # noqa: S108  (the container's own)
        "init": True,
        "ipc_mode": "private",
        "log_config": LogConfig(
            type="json-file",
            config={"max-size": str(settings.log_bytes // 2), "max-file": "2"},
        ),
        "stdin_open": False,
        "tty": False,
    }


def _processors(limit: float) -> dict[str, int]:
    # In the engine's own span of 100 ms, what has spent its part early stands still for the rest of it, and
    # what has not yet keeps others waiting as long. The kernel grants no less than 1 ms in a span.
    span = _SPAN if limit * _SPAN >= _LEAST else _LEAST * 100
    return {"cpu_period": span, "cpu_quota": round(limit * span)}
