"""Takes a line apart as redis-cli does: words, "escapes like \\n and \\xff" and 'plain text'."""

from __future__ import annotations

from plugway_sdk.web.problems import Refused

_NAMED = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b"}
_HEX = frozenset("0123456789abcdefABCDEF")


def split(line: str) -> list[bytes]:
    """The words of a line; raises Refused where a quote does not end, or none is there."""
    words: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at >= len(line):
            break
        word, at = _word(line, at)
        words.append(word)
    if not words or not words[0]:
        raise Refused("Type a command, for example GET key.")
    return words


def _word(line: str, at: int) -> tuple[bytes, int]:
    word = bytearray()
    while at < len(line) and not line[at].isspace():
        if line[at] == '"':
            part, at = _quoted(line, at + 1)
            word += part
        elif line[at] == "'":
            part, at = _plain(line, at + 1)
            word += part
        else:
            word += line[at].encode()
            at += 1
            continue
        if at < len(line) and not line[at].isspace():
            raise Refused("After a closing quote there has to be a space.")
    return bytes(word), at


def _quoted(line: str, at: int) -> tuple[bytes, int]:
    part = bytearray()
    while at < len(line) and line[at] != '"':
        if line[at] != "\\":
            part += line[at].encode()
            at += 1
        elif line[at + 1 : at + 2] == "x" and len(line) > at + 3 and set(line[at + 2 : at + 4]) <= _HEX:
            part.append(int(line[at + 2 : at + 4], 16))
            at += 4
        else:
            follows = line[at + 1 : at + 2]
            part += _NAMED.get(follows, follows.encode())
            at += 2
    return _ended(line, at, part)


def _plain(line: str, at: int) -> tuple[bytes, int]:
    part = bytearray()
    while at < len(line) and line[at] != "'":
        escaped = line[at : at + 2] == "\\'"
        part += b"'" if escaped else line[at].encode()
        at += 2 if escaped else 1
    return _ended(line, at, part)


def _ended(line: str, at: int, part: bytearray) -> tuple[bytes, int]:
    if at >= len(line):
        raise Refused("A quote does not end.")
    return bytes(part), at + 1
