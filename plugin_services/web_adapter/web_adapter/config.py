"""``adapter.json``: what the gateway wrote down when it installed the plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

FILE = "adapter.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class Ui(_Part):
    """The page: files below ``ui/``."""

    type: Literal["static", "react_component"]
    entry: str
    styles: tuple[str, ...] = ()


class Api(_Part):
    """An HTTP API elsewhere. ``private`` says that the operator listed its host or its addresses."""

    base_url: str
    egress: str
    private: bool = False


class Config(_Part):
    id: str
    version: str
    name: str
    description: str = ""
    ui: Ui | None = None
    api: Api | None = None
    origins: tuple[str, ...] = ()


def read_config(directory: Path) -> Config:
    return Config.model_validate_json((directory / FILE).read_bytes())
