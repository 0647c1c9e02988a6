"""Reading the header blocks of gRPC answers (RFC 7541), without a dynamic table.

The connection announces a dynamic table of size 0, so a block means the same wherever
it stands; hence what a block says can be remembered by its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

# Appendix B: the code is canonical, so the symbols of each length say it all. Longer
# codes are for characters that no status holds.
_BY_LENGTH = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
}
# Appendix A, as far as an answer's status goes.
_STATUS_NAMES = range(8, 15)
_STATUSES = {8: b"200", 9: b"204", 10: b"206", 11: b"304", 12: b"400", 13: b"404", 14: b"500"}
_STATIC_ENTRIES = 61


class BadBlock(ValueError):
    """The block breaks RFC 7541, or uses a dynamic table that was refused."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a block says; empty where it does not."""

    status: bytes = b""
    grpc_status: bytes = b""
    refused: bool = False


def _codes() -> dict[tuple[int, int], int]:
    codes: dict[tuple[int, int], int] = {}
    code, before = 0, 5
    for length, symbols in _BY_LENGTH.items():
        code <<= length - before
        before = length
        for symbol in symbols:
            codes[length, code] = ord(symbol)
            code += 1
    return codes


_CODES = _codes()


def huffman(data: bytes) -> bytes:
    """Decode a string; raises :class:`BadBlock` for characters beyond those of gRPC headers."""
    out = bytearray()
    code = length = 0
    for byte in data:
        for bit in range(7, -1, -1):
            code = code << 1 | byte >> bit & 1
            length += 1
            if (symbol := _CODES.get((length, code))) is not None:
                out.append(symbol)
                code = length = 0
    # The rest must be padding: less than a byte, ones only.
    if length > 7 or code != (1 << length) - 1:
        raise BadBlock("invalid Huffman code")
    return bytes(out)


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """The integer at ``at`` with a prefix of ``bits``, and where the next thing begins."""
    limit = (1 << bits) - 1
    value = block[at] & limit
    at += 1
    if value < limit:
        return value, at
    for shift in range(0, 28, 7):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BadBlock("integer too long")


def _string(block: bytes, at: int) -> tuple[bytes, bool, int]:
    """Raw bytes, whether they are Huffman-coded, and where the next thing begins."""
    coded = bool(block[at] & 0x80)
    length, at = _integer(block, at, 7)
    if at + length > len(block):
        raise BadBlock("string beyond the block")
    return block[at : at + length], coded, at + length


def read_block(block: bytes) -> Fields:
    """The fields of a block; raises :class:`BadBlock`."""
    try:
        return _read(block)
    except IndexError:
        raise BadBlock("the block ends too early") from None


def _read(block: bytes) -> Fields:
    status = grpc_status = b""
    refused = False
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _integer(block, at, 7)
            if not 0 < index <= _STATIC_ENTRIES:
                raise BadBlock("unknown index")
            status = _STATUSES.get(index, status)
            continue
        if first & 0xE0 == 0x20:
            size, at = _integer(block, at, 5)
            if size:
                raise BadBlock("dynamic table that was refused")
            continue
        index, at = _integer(block, at, 6 if first & 0x40 else 4)
        if index > _STATIC_ENTRIES:
            raise BadBlock("unknown index")
        name, name_coded, at = _string(block, at) if not index else (b"", False, at)
        value, value_coded, at = _string(block, at)
        # Few fields matter; the values of the others are never decoded.
        known = b"" if index else huffman_or(name, name_coded)
        if known == b"grpc-status":
            grpc_status = huffman(value) if value_coded else value
        elif known == b"plugway-refused":
            refused = True
        elif index in _STATUS_NAMES:
            status = huffman(value) if value_coded else value
    return Fields(status, grpc_status, refused)


def huffman_or(data: bytes, coded: bool) -> bytes:
    """A name; one with unusual characters is none that matters."""
    if not coded:
        return data
    try:
        return huffman(data)
    except BadBlock:
        return b""


def literal(name: bytes, value: bytes) -> bytes:
    """A field for a request: literal, never indexed, without Huffman coding."""
    return b"\0" + _plain(name) + _plain(value)


def _plain(text: bytes) -> bytes:
    length = len(text)
    if length < 127:
        return bytes((length,)) + text
    rest, out = length - 127, bytearray(b"\x7f")
    while rest >= 128:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out) + text
