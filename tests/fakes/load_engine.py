"""An engine at its socket, as far as loading images goes: reads the archive, and answers as it is told."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from urllib.parse import unquote

import docker

API = "1.43"


@dataclass
class LoadEngine:
    """``makes`` is the id of what it made, "" for nothing; ``says`` the lines with which it answers.

    ``breaks_off`` says where it ends the connection: "before its answer", "within its answer".
    """

    makes: str = ""
    status: int = 200
    says: tuple[str, ...] = ('{"stream": "Loaded image"}',)
    breaks_off: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: LoadEngine

    def do_POST(self) -> None:
        engine, body = self.engine, self._chunks()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            for member in archive:
                opened = archive.extractfile(member)
                assert opened is not None
                engine.files[member.name] = opened.read()
        if engine.breaks_off == "before its answer":
            self.close_connection = True
            return
        text = "\r\n".join(engine.says).encode()
        self.send_response(engine.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text) + (100 if engine.breaks_off else 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True

    def do_GET(self) -> None:
        if not self.engine.makes:
            return self._answer(404, {"message": "No such image"})
        return self._answer(200, {"Id": self.engine.makes, "RepoTags": []})

    def do_DELETE(self) -> None:
        self.engine.removed.append(unquote(self.path).partition("/images/")[2].partition("?")[0])
        self._answer(200, [])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Nothing on the test's own output."""

    def address_string(self) -> str:
        return "unix"

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def load_engine(place: Path, engine: LoadEngine) -> Iterator[docker.DockerClient]:
    """A client of the engine, by a socket in ``place``."""
    handler = type("Handler", (_Handler,), {"engine": engine})
    path = place / "engine.sock"
    with ThreadingUnixStreamServer(str(path), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        client = docker.DockerClient(base_url=f"unix://{path}", version=API)
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            thread.join()
