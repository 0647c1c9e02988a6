"""A recording read from its file: JSON lines, as docs/record.md describes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import BadInput

FORMAT = 1
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class BadRecording(BadInput):
    key, title = "bad-recording", "This is no recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``content`` is None where only the body's size and digest are known; ``sha256`` may be unknown too."""

    status: int
    headers: Mapping[str, str]
    size: int
    sha256: str
    content: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One recorded call; ``line`` is its place in the file. ``body`` is None where it was not kept."""

    line: int
    user: str
    role: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    answer: Answer
    broken: str = ""
    cleared: frozenset[str] = frozenset()

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """``end`` says why it ended, "" where it broke off; then its last line may be a part of one."""

    plugin: str
    version: str
    release: str
    of: str
    calls: tuple[Call, ...]
    missed: int
    end: str


def read_recording(file: Path) -> Recording:
    """Blocking. Raises :class:`BadRecording`, which never quotes what stands in the file."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise BadRecording(f"{file} cannot be read: {error.strerror}.") from None
    # Behind the last line break there is nothing, or what was written of a line when it broke off.
    documents = [_document(file, number, line) for number, line in enumerate(lines[:-1], start=1) if line]
    if not documents or documents[0].get("plugway") != "recording":
        raise BadRecording(f"{file} does not begin as a recording does.", hint="Make one: plugway record ID")
    head = documents[0]
    if head.get("format") != FORMAT:
        raise BadRecording(f"{file} has the format {head.get('format')}; this program reads {FORMAT}.")
    try:
        calls = tuple(_call(number, one) for number, one in enumerate(documents, start=1) if "request" in one)
        ends = [one for one in documents if "end" in one]
        return Recording(
            plugin=str(head["plugin"]), version=str(head["version"]), release=str(head["release"]),
            of=str(head["of"]), calls=calls, end=str(ends[-1]["end"]) if ends else "",
            missed=int(ends[-1].get("missed", 0)) if ends else 0,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise BadRecording(f"A line of {file} lacks something ({type(error).__name__}: {error}).") from None


def _document(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BadRecording(f"Line {number} of {file} is no JSON object.")
    return document


def _call(line: int, document: dict[str, Any]) -> Call:
    asked, answered = document["request"], document["answer"]
    return Call(
        line=line,
        user=str(document["user"]),
        role=str(document["role"]),
        method=str(asked["method"]),
        path=str(asked["path"]),
        query=str(asked["query"]),
        headers=tuple((str(name), str(value)) for name, value in asked["headers"]),
        body=_content(asked["body"]),
        answer=Answer(
            status=int(answered["status"]),
            headers=dict(answered["headers"]),
            size=int(answered["body"]["size"]),
            sha256=str(answered["body"]["sha256"]),
            content=_content(answered["body"]),
        ),
        broken=str(document.get("broken", "")),
        cleared=frozenset(document.get("cleared", ())),
    )


def _content(body: dict[str, Any]) -> bytes | None:
    if "text" in body:
        return str(body["text"]).encode()
    return base64.b64decode(body["base64"]) if "base64" in body else None
