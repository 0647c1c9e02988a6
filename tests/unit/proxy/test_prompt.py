"""What may be answered from the connection itself, and when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.proxy.prompt import Heads, PromptFiles, plain


class Counted:
    calls = 0

    def count(self, *_: object) -> None:
        self.calls += 1


class Kept:
    content = b"the file"

    def lines(self, digest: str, name: str) -> bytes:
        return f"etag: {digest}/{name}\r\n".encode()


class Memory:
    """Files in memory, which can be let go."""

    def __init__(self) -> None:
        self.there = True

    def kept(self, digest: str, accepted: bytes) -> Kept | None:
        return Kept() if self.there else None


class Route:
    key = b"notes"


class Place:
    def __init__(self) -> None:
        self.memory, self.route, self.busy, self.counted = Memory(), Route(), False, Counted()
        found: Any = self.memory
        self.files = PromptFiles(found, lambda _: self._route(), lambda: self.busy)

    def _route(self) -> Any:
        return self.route

    def remember(self, path: bytes) -> None:
        counted: Any = self.counted
        self.files.remember(path, self._route(), "d", "a.js", counted)


def test_a_file_that_went_out_is_answered_and_counted() -> None:
    place = Place()
    place.remember(b"/a.js")
    assert place.files.answer(b"/a.js", b"") == (b"etag: d/a.js\r\n", b"the file")
    assert place.counted.calls == 1
    assert place.files.answer(b"/b.js", b"") is None


def test_nothing_is_answered_while_calls_are_refused() -> None:
    place = Place()
    place.remember(b"/a.js")
    place.busy = True
    assert place.files.answer(b"/a.js", b"") is None
    assert place.counted.calls == 0
    place.busy = False
    assert place.files.answer(b"/a.js", b"") is not None


def test_what_is_not_in_memory_or_of_another_route_goes_the_usual_way() -> None:
    place = Place()
    place.remember(b"/a.js")
    place.memory.there = False
    assert place.files.answer(b"/a.js", b"") is None
    place.memory.there = True
    place.route = Route()
    assert place.files.answer(b"/a.js", b"") is None
    place.remember(b"/a.js")
    place.files.forget()
    assert place.files.answer(b"/a.js", b"") is None


def test_paths_and_heads_that_are_remembered_are_bounded() -> None:
    place, heads = Place(), Heads()
    for number in range(3000):
        place.remember(b"/%d.js" % number)
        heads.keep(b"%d" % number, b"/", b"")
    assert place.files.answer(b"/0.js", b"") is None
    assert place.files.answer(b"/2999.js", b"") is not None
    assert len(heads.read) == 512
    place.remember(b"/%61.js")
    assert place.files.answer(b"/%61.js", b"") is None
    heads.keep(b"x" * 3000, b"/", b"")
    assert heads.find(b"x" * 3000) is None
    assert heads.find(b"2999") == (b"/", b"")


@pytest.mark.parametrize(
    "name",
    [b"range", b"if-none-match", b"expect", b"te", b"upgrade", b"content-length", b"transfer-encoding"],
)
def test_a_request_that_asks_for_more_is_not_plain(name: bytes) -> None:
    assert plain([(b"accept", b"*/*"), (name, b"1")]) is None


def test_what_a_client_takes_is_put_together() -> None:
    assert plain([(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")]) == b"br,gzip"
    assert plain([]) == b""
