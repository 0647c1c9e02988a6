"""Settings as a gateway sends them: secrets apart from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def split_secrets(
    schema: Mapping[str, Any], values: Mapping[str, Any], above: str = ""
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values without secrets, and the secrets by JSON Pointer."""
    plain: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for name, value in values.items():
        property_ = schema.get("properties", {}).get(name, {})
        pointer = f"{above}/{name.replace('~', '~0').replace('/', '~1')}"
        if property_.get("writeOnly") and isinstance(value, str):
            secrets[pointer] = value
        elif isinstance(value, Mapping):
            plain[name], inner = split_secrets(property_, value, pointer)
            secrets |= inner
        else:
            plain[name] = value
    return plain, secrets
