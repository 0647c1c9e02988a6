"""Takes what it can: processes, memory, disk, its log; and tells what it got."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, manifest_pb2, plugin_pb2, plugin_pb2_grpc

MIB = 2**20
OWN = Path("/run/plugway/plugin.sock")


def forks(_: str) -> str:
    """As many processes as there are to be had; then they end."""
    made: list[int] = []
    try:
        while len(made) < 5000:
            # Not os.fork: gRPC's threads may hold a lock that the child would wait for.
            made.append(os.posix_spawn("/bin/sleep", ["sleep", "20"], {}))
    except OSError as error:
        return f"{len(made)} {error.strerror}"
    finally:
        for pid in made:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return f"{len(made)} and no end"


def memory(mebibytes: str) -> str:
    def act() -> None:
        eaten = [bytearray(os.urandom(MIB)) for _ in range(int(mebibytes))]
        sys.stdout.write(f"ate {len(eaten)} MiB\n")

    threading.Timer(0.05, act).start()
    return "eating"


def disk(place: str) -> str:
    """Up to 200 MiB in one file; how many went."""
    file = Path(place) / "flood"
    done = 0
    try:
        with file.open("wb", buffering=0) as out:
            for _ in range(200):
                done += out.write(bytes(MIB))
    except OSError as error:
        return f"{done // MIB} {error.strerror}"
    finally:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    return f"{done // MIB} and no end"


def log(mebibytes: str) -> str:
    line = "x" * 1023 + "\n"
    for _ in range(int(mebibytes) * 1024):
        sys.stdout.write(line)
    sys.stdout.flush()
    return "logged"


def endless_line(mebibytes: str) -> str:
    for _ in range(int(mebibytes)):
        sys.stdout.write("y" * MIB)
        sys.stdout.flush()
        time.sleep(0.02)
    return "logged"


def connect(address: str) -> str:
    """``host:port``, a path, or an abstract name that begins with "@"."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET if host else socket.AF_UNIX
    with socket.socket(family) as one:
        one.settimeout(1)
        one.connect((host, int(port)) if host else address.replace("@", "\0", 1))
    return "connected"


def names(_: str) -> str:
    try:
        return str(socket.getaddrinfo("example.org", 443))
    except socket.gaierror as error:
        return f"gaierror: {error}"


def everything(_: str) -> str:
    """Every file that it can see and read outside of the system's own; and every socket."""
    found = []
    for root, directories, files in os.walk("/"):
        if root == "/":
            directories[:] = [one for one in directories if one not in ("proc", "sys", "usr", "lib", "dev")]
        for name in files:
            path = Path(root) / name
            if path.is_socket() or (os.access(path, os.R_OK) and not root.startswith(("/etc", "/var/lib"))):
                found.append(str(path))
    return "\n".join(found)


def processes(_: str) -> str:
    lines = []
    for entry in sorted(Path("/proc").glob("[0-9]*/cmdline")):
        with contextlib.suppress(OSError):
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode())
    return "\n".join(lines)


def link(target: str) -> str:
    OWN.unlink(missing_ok=True)
    OWN.symlink_to(target)
    return "linked"


ACTS: dict[str, Callable[[str], str]] = {
    "forks": forks,
    "memory": memory,
    "disk": disk,
    "log": log,
    "endless-line": endless_line,
    "connect": connect,
    "names": names,
    "everything": everything,
    "processes": processes,
    "link": link,
    "environment": lambda _: "\n".join(f"{name}={value}" for name, value in os.environ.items()),
}


class Hostile(plugin_pb2_grpc.PluginServiceServicer):
    def Describe(self, request: Any, context: Any) -> plugin_pb2.DescribeResponse:  # noqa: N802 - gRPC's name
        manifest = manifest_pb2.Manifest(id="hostile", version="1.0.0", name="Hostile")
        manifest.permissions.volumes.append("data")
        return plugin_pb2.DescribeResponse(
            contract_version=1, manifest=manifest, instance_id=os.environ["PLUGWAY_INSTANCE"]
        )

    def Configure(self, request: Any, context: Any) -> plugin_pb2.ConfigureResponse:  # noqa: N802 - gRPC's name
        return plugin_pb2.ConfigureResponse(accepted=True)

    def Drain(self, request: Any, context: Any) -> plugin_pb2.DrainResponse:  # noqa: N802 - gRPC's name
        return plugin_pb2.DrainResponse()

    def Handle(self, request: Any, context: Any) -> plugin_pb2.HandleResponse:  # noqa: N802 - gRPC's name
        act = ACTS[request.request.path.decode().strip("/")]
        try:
            words = act(request.body.decode())
        except OSError as error:
            words = f"{type(error).__name__}: {error}"
        return plugin_pb2.HandleResponse(response=http_pb2.HttpResponse(status=200), body=words.encode())

    def Exchange(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: N802 - gRPC's name
        """A WebSocket on which it never stops to talk."""
        next(requests)
        yield plugin_pb2.ExchangeResponse(websocket_accept=http_pb2.WebSocketAccept())
        message = http_pb2.WebSocketMessage(data=b"z" * 65536)
        while context.is_active():
            yield plugin_pb2.ExchangeResponse(websocket_message=message)


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(8))
    plugin: Any = Hostile()  # type: ignore[abstract]  # It answers only what its tests ask.
    plugin_pb2_grpc.add_PluginServiceServicer_to_server(plugin, server)
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    state.set("hostile", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(os.environ["PLUGWAY_LISTEN"])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    while not ended.wait(0.2):
        pass
    server.stop(1).wait()


main()
