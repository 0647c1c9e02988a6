"""The plugin's side of HTTP CONNECT, byte for byte: what follows the answer's head is the destination's."""

from __future__ import annotations

from plugway_sdk.errors import PlugwaySdkError

_END = b"\r\n\r\n"
_HEAD_LIMIT = 8192
_BODY_LIMIT = 4096


class EgressRefused(PlugwaySdkError, PermissionError):
    """The plugin was not granted this destination, or may not reach where it leads; the words say which."""


def connect_request(host: str, port: int) -> bytes:
    """Raises ValueError for what cannot be a host."""
    if not host or any(char.isspace() or ord(char) < 32 for char in host):
        raise ValueError("not a host")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    to = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode("ascii")


class Answer:
    """Fed with at most :attr:`wanted` bytes at a time; 0 once the way is open. No byte is read too many."""

    def __init__(self) -> None:
        self._head = b""
        self._body = b""
        self._length = 0
        self._status = 0

    @property
    def wanted(self) -> int:
        if self._status == 200:
            return 0
        if self._status:
            return self._length - len(self._body)
        # As many as are surely still of the head.
        there = next(size for size in (4, 3, 2, 1, 0) if self._head.endswith(_END[:size]))
        return len(_END) - there

    def feed(self, data: bytes) -> None:
        """Raises :class:`EgressRefused`, TimeoutError or ConnectionError where the way stays closed."""
        if not data:
            if self._status:
                raise self._closed()
            raise ConnectionResetError("the gateway's relay broke off")
        if self._status:
            self._body += data
        else:
            self._head += data
            if self._head.endswith(_END):
                self._read_head()
            elif len(self._head) > _HEAD_LIMIT:
                raise ConnectionError("the gateway's relay does not speak HTTP")
        if self._status not in (0, 200) and len(self._body) >= self._length:
            raise self._closed()

    def _read_head(self) -> None:
        first, *fields = self._head.decode("latin-1").split("\r\n")
        try:
            version, status, *_ = first.split(" ")
            self._status = int(status)
        except ValueError:
            raise ConnectionError("the gateway's relay does not speak HTTP") from None
        if not version.startswith("HTTP/1."):
            raise ConnectionError("the gateway's relay does not speak HTTP")
        for field in fields:
            name, _, value = field.partition(":")
            if name.lower() == "content-length" and value.strip().isdigit():
                self._length = min(int(value), _BODY_LIMIT)

    def _closed(self) -> OSError:
        words = self._body.decode(errors="replace").strip() or f"the relay answers {self._status}"
        if self._status == 403:
            return EgressRefused(words)
        if self._status in (408, 504):
            return TimeoutError(words)
        return ConnectionError(words)
