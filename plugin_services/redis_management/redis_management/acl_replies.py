"""What ACL GETUSER answers, on every version, without the hashes of passwords."""

from __future__ import annotations

from typing import Any

from plugway_sdk.web.models import ApiModel
from pydantic import Field


class Selector(ApiModel):
    """Rules that count by themselves, beside those of the user."""

    commands: str
    keys: str
    channels: str


class User(Selector):
    """Who may log in, and what then."""

    name: str
    enabled: bool
    password_needed: bool
    passwords: int = Field(description="How many are valid; neither they nor their hashes are shown.")
    selectors: list[Selector] = []


def _facts(raw: Any) -> dict[str, Any]:
    """Names and values, one after the other."""
    return {raw[at].decode(): raw[at + 1] for at in range(0, len(raw) - 1, 2)}


def _text(value: Any, mark: str) -> str:
    # Redis 6 has lists without the marks ~ and &, later ones have the text of the rules.
    if isinstance(value, list):
        return " ".join(f"{mark}{part.decode(errors='replace')}" for part in value)
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _selector(facts: dict[str, Any]) -> dict[str, str]:
    return {
        "commands": _text(facts.get("commands"), ""),
        "keys": _text(facts.get("keys"), "~"),
        "channels": _text(facts.get("channels"), "&"),
    }


def user_of(name: str, raw: Any) -> User:
    facts = _facts(raw)
    flags = {flag.decode() for flag in facts.get("flags", [])}
    return User(
        name=name,
        enabled="on" in flags,
        password_needed="nopass" not in flags,
        passwords=len(facts.get("passwords", [])),
        selectors=[Selector(**_selector(_facts(one))) for one in facts.get("selectors", [])],
        **_selector(facts),
    )
