"""Redis' configuration: look, set, write to its file. Passwords are never shown, and can be set."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refusal, new_router
from pydantic import Field

from redis_management.dependencies import Pattern, Reading, Writing
from redis_management.hiding import is_secret
from redis_management.link import Reader
from redis_management.problems import Changed

router = new_router("configuration", "/configuration")
RISKY = {
    "requirepass": "Whoever does not know the new password is shut out, this plugin too.",
    "masterauth": "A replica with the wrong one no longer follows its primary.",
    "bind": "Redis may no longer be reached, by this plugin either.",
    "port": "Redis may no longer be reached, by this plugin either.",
    "protected-mode": "Without it, a Redis without a password is open to everyone who reaches it.",
    "maxmemory": "Below what is used now, Redis begins to evict keys or to refuse writes.",
    "maxmemory-policy": "Some policies delete keys when the memory is used up.",
    "maxclients": "Too few, and clients are refused.",
    "save": "Without it, what is not in an append-only file is lost when Redis ends.",
    "appendonly": "Switched off, writes since the last snapshot are lost when Redis ends.",
    "dir": "Redis writes its files there from now on.",
    "dbfilename": "Redis writes its snapshots there from now on.",
}
SettingName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", examples=["maxmemory"])]


class Setting(ApiModel):
    """One setting."""

    name: str
    value: str | None = Field(description="Null for a password.")
    secret: bool
    is_set: bool = Field(description="Whether it has a value; for passwords, which are not shown.")
    risk: str = Field(description="What may go wrong with a change; empty for most.")


class Settings(ApiModel):
    """Those that match, by name."""

    settings: list[Setting]


class NewValue(ApiModel):
    """What a setting is to be."""

    value: str = Field(max_length=100_000)
    if_value: str | None = Field(default=None, description="Refuse where it is another by now.")


class Rewritten(ApiModel):
    """The configuration file holds what is in force."""

    rewritten: bool = True


class NoSuchSetting(Refusal):
    key, title, status = "no-such-setting", "No such setting", 404


async def settings_of(reader: Reader, pattern: str) -> list[Setting]:
    raw = await reader.run("CONFIG", "GET", pattern)
    texts = [part.decode(errors="replace") for part in raw]
    return [
        Setting(
            name=name,
            value=None if is_secret(name) else value,
            secret=is_secret(name),
            is_set=value != "",
            risk=RISKY.get(name, ""),
        )
        for name, value in sorted(zip(texts[::2], texts[1::2], strict=True))
    ]


async def one(reader: Reader, name: str) -> Setting:
    found = await settings_of(reader, name)
    if not found:
        raise NoSuchSetting(f"This Redis has no setting '{name}'.")
    return found[0]


@router.get("")
async def list_settings(reader: Reading, pattern: Pattern = "*") -> Settings:
    """What is in force. The values of passwords are left out."""
    return Settings(settings=await settings_of(reader, pattern))


@router.put("/settings/{name}")
async def change_setting(writer: Writing, name: SettingName, new: NewValue) -> Setting:
    """Set one; in force at once, and lost with a restart unless the file is written."""
    now = await one(writer, name)
    if new.if_value is not None and not now.secret and now.value != new.if_value:
        raise Changed("Somebody else has changed this setting meanwhile.", hint="Load it again.")
    await writer.run("CONFIG", "SET", name, new.value)
    return await one(writer, name)


@router.post("/rewrite")
async def rewrite(writer: Writing) -> Rewritten:
    """Have Redis write what is in force into its configuration file."""
    await writer.run("CONFIG", "REWRITE")
    return Rewritten()
