"""What sandbox a container really has: read from what the engine applied, not from what it was asked. Pure.

An engine drops a limit that its kernel does not know, and says so in this document only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.runtimes.base import Sandbox

_GVISOR = "runsc"
_ROOT = ("", "0", "root")
_ALONE = "none"


def sandbox_of(document: Mapping[str, Any], security: Collection[str], places: Collection[Path]) -> Sandbox:
    """``security`` are the engine's security options, ``places`` the directories it may have parts of."""
    host: Mapping[str, Any] = document.get("HostConfig") or {}
    found = [*_rights(document, host), *_calls(document, host, security), *_limits(host)]
    found += _surroundings(document, host, places)
    return Sandbox(
        level=_GVISOR if host.get("Runtime") == _GVISOR else "docker",
        network=_network(host),
        holds=tuple(words for holds, words in found if holds),
        lacks=tuple(words for holds, words in found if not holds),
    )


Found = Iterator[tuple[bool, str]]


def _rights(document: Mapping[str, Any], host: Mapping[str, Any]) -> Found:
    options = host.get("SecurityOpt") or ()
    dropped = {name.upper() for name in host.get("CapDrop") or ()}
    user = str(document.get("Config", {}).get("User", ""))
    yield user.partition(":")[0] not in _ROOT, "non-root user"
    yield bool(host.get("ReadonlyRootfs")), "read-only root file system"
    yield ("ALL" in dropped and not host.get("CapAdd") and not host.get("Privileged")), "no capabilities"
    # It is written with and without a value.
    yield (
        any(option in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
            for option in options),
        "no new privileges",
    )  # fmt: skip


def _calls(document: Mapping[str, Any], host: Mapping[str, Any], security: Collection[str]) -> Found:
    given = [option.replace(":", "=", 1) for option in host.get("SecurityOpt") or ()]
    open_to_all = bool(host.get("Privileged")) or "seccomp=unconfined" in given
    # Without an option of its own a container has the engine's profile, where the engine has one.
    engines = any("name=seccomp" in one and "profile=unconfined" not in one for one in security)
    own = any(option.startswith("seccomp=") for option in given)
    yield (engines or own) and not open_to_all, "system calls filtered (seccomp)"
    if any("name=apparmor" in one for one in security):
        profile = document.get("AppArmorProfile", "")
        yield profile not in ("", "unconfined"), "AppArmor profile"


def _limits(host: Mapping[str, Any]) -> Found:
    memory = int(host.get("Memory") or 0)
    yield memory > 0, f"memory limit {memory // 2**20} MiB" if memory else "memory limit"
    yield memory > 0 and host.get("MemorySwap") == memory, "no swap beyond it"
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 100_000
    cpus = (host.get("NanoCpus") or 0) / 1e9 or max(quota, 0) / period
    yield cpus > 0, f"limit of {cpus:g} CPU" if cpus else "CPU limit"
    pids = int(host.get("PidsLimit") or 0)
    yield pids > 0, f"at most {pids} processes" if pids > 0 else "limit of processes"
    log = host.get("LogConfig") or {}
    yield log.get("Type") == "none" or bool((log.get("Config") or {}).get("max-size")), "log size limited"


def _surroundings(document: Mapping[str, Any], host: Mapping[str, Any], places: Collection[Path]) -> Found:
    scratch = host.get("Tmpfs") or {}
    yield all("noexec" in str(options).split(",") for options in scratch.values()), "no program in /tmp runs"
    yield bool(host.get("Init")), "init"
    namespaces = (str(host.get(name) or "") for name in ("PidMode", "IpcMode", "UTSMode", "NetworkMode"))
    yield not any(mode.startswith(("host", "container:")) for mode in namespaces), "namespaces of its own"
    sources = [Path(mount.get("Source", "/")) for mount in document.get("Mounts") or ()]
    ours = all(any(source.is_relative_to(place) for place in places) for source in sources)
    yield ours and not host.get("Devices"), "no container socket, nothing of this machine"


def _network(host: Mapping[str, Any]) -> str:
    mode = str(host.get("NetworkMode") or "default")
    if mode == _ALONE:
        return _ALONE
    if mode == "host":
        return "this machine's"
    return f"bridge {mode}"
