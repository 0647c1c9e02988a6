"""Bytes in JSON. Redis is binary-safe: so are names, fields, members and values here."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from fastapi import Depends, Query
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused
from pydantic import Field

Encoding = Literal["utf-8", "base64"]
PREVIEW = 4096
"""Bytes of a value shown in a list of many; the whole of one is fetched by itself."""


class Blob(ApiModel):
    """Bytes: as text where they are valid UTF-8, otherwise in base64."""

    encoding: Encoding
    data: str
    size: int = Field(description="Bytes of the whole, also where data is only its beginning.")
    truncated: bool = Field(default=False, description="data is only the beginning.")


class BlobInput(ApiModel):
    """Bytes sent in."""

    data: str
    encoding: Encoding = "utf-8"

    def to_bytes(self) -> bytes:
        return decode(self.data, self.encoding)


def decode(data: str, encoding: Encoding) -> bytes:
    """The bytes that were meant; raises Refused for what is not base64 or not a character."""
    try:
        if encoding == "base64":
            return base64.b64decode(data, validate=True)
        return data.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Refused(f"The text sent is not valid {encoding}.") from None


def blob(value: bytes, limit: int | None = None) -> Blob:
    """``value`` for JSON, cut to ``limit`` bytes (never within a character)."""
    part = value if limit is None else value[:limit]
    cut = len(part) < len(value)
    text = whole_characters(part) if cut else part
    try:
        return Blob(encoding="utf-8", data=text.decode(), size=len(value), truncated=cut)
    except UnicodeDecodeError:
        data = base64.b64encode(part).decode()
        return Blob(encoding="base64", data=data, size=len(value), truncated=cut)


def whole_characters(part: bytes) -> bytes:
    """``part`` without the beginning of a UTF-8 character that was cut at its end."""
    for back in range(1, min(4, len(part)) + 1):
        byte = part[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return part[:-back] if length > back else part
    return part


def _key_name(
    key: Annotated[str, Query(description="The key's name.", examples=["user:1"])],
    key_encoding: Annotated[Encoding, Query(alias="keyEncoding")] = "utf-8",
) -> bytes:
    return decode(key, key_encoding)


KeyName = Annotated[bytes, Depends(_key_name)]
"""The key that a call is about, from the query: also names that no path could carry."""
