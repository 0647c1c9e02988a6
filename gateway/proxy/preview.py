"""How testers choose a release: by a header or a cookie of their own."""

from __future__ import annotations

from gateway.proxy.headers import Pairs
from gateway.routing import Route


class PreparedPreview:
    """The header and cookie by which testers choose, and what either choice means."""

    __slots__ = ("always", "cookie", "header", "never")

    def __init__(self, header: bytes, cookie: bytes, always: bytes, never: bytes) -> None:
        self.header = header
        self.cookie = cookie
        self.always = always
        self.never = never


def prepare_preview(route: Route) -> PreparedPreview | None:
    preview = route.preview
    if preview is None:
        return None
    others = [t.release_id for t in route.targets if t.release_id != preview.release_id]
    never = (others[0] if others else preview.release_id).encode()
    return PreparedPreview(
        preview.header.encode(), preview.cookie.encode() + b"=", preview.release_id.encode(), never
    )


def asked_for(preview: PreparedPreview, headers: Pairs) -> bytes | None:
    """The release that a tester's header or cookie names by ``always`` or ``never``."""
    said = b""
    for name, value in headers:
        if name == preview.header:
            said = value
        elif name == b"cookie" and preview.cookie in value:
            said = said or value.split(preview.cookie, 1)[1].split(b";", 1)[0].strip()
    return {b"always": preview.always, b"never": preview.never}.get(said)
