"""A plugin on the bare stubs: quick to start, and obedient to requests that no real plugin should take."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qs

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, manifest_pb2, plugin_pb2, plugin_pb2_grpc


def say(text: str, stream: TextIO = sys.stdout) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def _read(path: str) -> str:
    return Path(path).read_text(errors="replace")


def _ls(path: str) -> str:
    return "\n".join(sorted(entry.name for entry in Path(path).iterdir()))


def _write(path: str) -> str:
    Path(path).write_text("#!/bin/sh\necho ran\n")
    return "written"


def _run(path: str) -> str:
    Path(path).chmod(0o700)
    return os.popen(path).read()


def _connect(address: str) -> str:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=1):
        return "connected"


def _relay(address: str) -> str:
    """By hand, as in a language that has no SDK: what the relay answers, then what comes back of "ping"."""
    with socket.socket(socket.AF_UNIX) as way:
        way.settimeout(5)
        way.connect(os.environ["PLUGWAY_EGRESS"].removeprefix("unix:"))
        way.sendall(f"CONNECT {address} HTTP/1.1\r\n\r\n".encode())
        answer = way.recv(4096).decode()
        if " 200 " not in answer.split("\r\n")[0]:
            return answer
        way.sendall(b"ping")
        return way.recv(4096).decode()


def _remove(path: str) -> str:
    Path(path).unlink()
    return "removed"


def _end(code: str) -> str:
    def act() -> None:
        say("the disk is full of tests", sys.stderr)
        os._exit(int(code))

    threading.Timer(0.05, act).start()
    return "ending"


def _eat(mebibytes: str) -> str:
    def act() -> None:
        eaten = [bytearray(os.urandom(2**20)) for _ in range(int(mebibytes))]
        say(f"ate {len(eaten)} MiB")

    threading.Timer(0.05, act).start()
    return "eating"


def _print(text: str) -> str:
    say(text)
    return "printed"


def _fork(_: str) -> str:
    pid = os.fork()
    if pid == 0:
        signal.pause()
    return str(pid)


def _env(_: str) -> str:
    return "\n".join(f"{name}={value}" for name, value in os.environ.items())


ACTS: dict[str, Callable[[str], str]] = {
    "/read": _read,
    "/ls": _ls,
    "/write": _write,
    "/run": _run,
    "/connect": _connect,
    "/relay": _relay,
    "/remove": _remove,
    "/exit": _end,
    "/eat": _eat,
    "/print": _print,
    "/fork": _fork,
    "/env": _env,
}


class Tiny(plugin_pb2_grpc.PluginServiceServicer):
    def Describe(  # noqa: N802  (the stubs' name)
        self, request: plugin_pb2.DescribeRequest, context: grpc.ServicerContext
    ) -> plugin_pb2.DescribeResponse:
        manifest = manifest_pb2.Manifest(id="tiny", version="1.0.0", name="Tiny")
        return plugin_pb2.DescribeResponse(
            contract_version=1, manifest=manifest, instance_id=os.environ["PLUGWAY_INSTANCE"]
        )

    def Handle(  # noqa: N802  (the stubs' name)
        self, request: plugin_pb2.HandleRequest, context: grpc.ServicerContext
    ) -> plugin_pb2.HandleResponse:
        act = ACTS[request.request.path.decode()]
        argument = parse_qs(request.request.query.decode()).get("a", [""])[0]
        try:
            status, body = 200, act(argument)
        except OSError as error:
            status, body = 500, f"{type(error).__name__}: {error}"
        response = http_pb2.HttpResponse(status=status)
        return plugin_pb2.HandleResponse(response=response, body=body.encode())


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    tiny = Tiny()  # type: ignore[abstract]  # It answers only what the tests of runtimes ask.
    plugin_pb2_grpc.add_PluginServiceServicer_to_server(tiny, server)
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    state.set("tiny", health_pb2.HealthCheckResponse.SERVING)
    listen = os.environ["PLUGWAY_LISTEN"]
    if listen.startswith("tcp:"):
        tls = Path(os.environ["PLUGWAY_TLS"])
        ca, cert, key = ((tls / name).read_bytes() for name in ("ca.pem", "cert.pem", "key.pem"))
        credentials = grpc.ssl_server_credentials([(key, cert)], ca, require_client_auth=True)
        server.add_secure_port(listen.removeprefix("tcp:"), credentials)
    else:
        server.add_insecure_port(listen)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.start()
    say("tiny serves")
    # With a time-out, as a signal that another thread takes does not end a wait without one.
    while not ended.wait(0.2):
        pass
    server.stop(1).wait()


main()
