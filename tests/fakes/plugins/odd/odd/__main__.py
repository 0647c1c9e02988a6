"""``python -m odd BEHAVIOUR ID``: a plugin on the bare stubs that misbehaves in one way."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from plugway.plugin.v1 import http_pb2, manifest_pb2, plugin_pb2, plugin_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UI = b"export function mount(root, host) { return { unmount() {} } }\n"
SCHEMA = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "password": {"type": "string", "writeOnly": True},
    },
    "required": ["url"],
}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """Knows the plugin's id only. SIGUSR1 makes it say that it does not serve, SIGUSR2 the reverse."""

    def __init__(self, behaviour: str, id_: str) -> None:
        self.behaviour = behaviour
        self.id = id_
        self.status = SERVING
        signal.signal(signal.SIGUSR1, self._set(NOT_SERVING))
        signal.signal(signal.SIGUSR2, self._set(SERVING))

    def _set(self, status: Any) -> Any:
        def act(number: int, frame: FrameType | None) -> None:
            self.status = status

        return act

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        if request.service not in ("", self.id):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=self.status)

    def Watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - gRPC's name
        if self.behaviour == "no-watch":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no watch")
        last = None
        while context.is_active():
            if self.behaviour == "watch-flood" or (self.status != last and self.behaviour != "watch-silent"):
                last = self.status
                yield health_pb2.HealthCheckResponse(status=self.status)
            if self.behaviour != "watch-flood":
                time.sleep(0.02)


class Plugin(plugin_pb2_grpc.PluginServiceServicer):
    def __init__(self, behaviour: str, id_: str) -> None:
        self.behaviour = behaviour
        self.id = id_

    def Describe(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        if self.behaviour == "other-contract":
            return plugin_pb2.DescribeResponse(contract_version=0, supported_contract_versions=[2, 3])
        if self.behaviour == "describe-fails":
            context.abort(grpc.StatusCode.INTERNAL, "secret internals")
        manifest = manifest_pb2.Manifest(
            id=self.id,
            version="9.9.9" if self.behaviour == "other-version" else "1.0.0",
            name=self.id.title(),
            ui=manifest_pb2.Ui(type=manifest_pb2.UI_TYPE_STATIC, entry="index.js"),
        )
        if self.behaviour == "greedy":
            manifest.permissions.egress.append("example.org:443")
        if self.behaviour in ("wants-settings", "restart-for-settings"):
            manifest.settings.json_schema = json.dumps(SCHEMA)
            manifest.settings.version = 1
        return plugin_pb2.DescribeResponse(
            contract_version=1,
            supported_contract_versions=[1],
            manifest=manifest,
            instance_id=os.environ.get("PLUGWAY_INSTANCE", ""),
        )

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        url = json.loads(request.settings_json).get("url", "")
        kind = "dry run" if request.dry_run else "settings"
        say(f"{kind} {request.revision}: {url} {sorted(request.secrets)}")
        if self.behaviour == "wants-settings" and not url.startswith("http"):
            error = plugin_pb2.FieldError(field="/url", message="must start with http")
            return plugin_pb2.ConfigureResponse(accepted=False, errors=[error])
        return plugin_pb2.ConfigureResponse(
            accepted=True, restart_required=self.behaviour == "restart-for-settings"
        )

    def Handle(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        return plugin_pb2.HandleResponse(
            response=http_pb2.HttpResponse(status=200), body=str(os.getpid()).encode()
        )

    def GetUi(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - gRPC's name
        digest = hashlib.sha256(UI).digest()
        name = "../index.js" if self.behaviour == "ui-escapes" else "index.js"
        shown = bytes(32) if self.behaviour == "ui-lies" else digest
        file = plugin_pb2.UiFile(path=name, size=len(UI), sha256=shown)
        yield plugin_pb2.GetUiResponse(file=file)
        yield plugin_pb2.GetUiResponse(chunk=UI)

    def ReadBody(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - gRPC's name
        yield from ()

    def Exchange(self, requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802 - gRPC's name
        yield from ()

    def Drain(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        say(f"drained: {request.reason}")
        return plugin_pb2.DrainResponse()

    def CollectMetrics(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        return plugin_pb2.CollectMetricsResponse(content_type="text/plain", text=b"up 1\n")


def serve(behaviour: str, id_: str) -> None:
    server = grpc.server(ThreadPoolExecutor(8))
    health_pb2_grpc.add_HealthServicer_to_server(Health(behaviour, id_), server)
    if behaviour == "garbled":
        server.add_generic_rpc_handlers([Garbled()])
    else:
        plugin_pb2_grpc.add_PluginServiceServicer_to_server(Plugin(behaviour, id_), server)
    server.add_insecure_port(os.environ["PLUGWAY_LISTEN"])
    server.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    say("serving")
    if behaviour == "dies-later":
        ended.wait(1.5)
        say("out of luck")
        os._exit(7)
    while not ended.wait(0.1):
        pass
    server.stop(0.5).wait()


class Garbled(grpc.GenericRpcHandler):
    """Answers every call of the contract with bytes that are no message."""

    def service(self, details: Any) -> Any:
        if "PluginService" not in details.method:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"\xff\xff\xff\x01nonsense")


def answer_garbage(path: str) -> None:
    """Something that listens and speaks, but not gRPC."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.removeprefix("unix:"))
        listener.listen()
        while True:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 what?\r\nConnection: close\r\n\r\n" + os.urandom(64))


def main(behaviour: str, id_: str) -> None:
    if behaviour == "never-starts":
        signal.pause()
    if behaviour == "dies":
        say("no luck")
        sys.exit(3)
    if behaviour == "garbage":
        answer_garbage(os.environ["PLUGWAY_LISTEN"])
    if behaviour == "slow":
        time.sleep(2.5)
    serve(behaviour, "somebody-else" if behaviour == "other-id" else id_)


main(*sys.argv[1:3])
