"""What the management API takes and answers about settings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.view_base import Body, View


class SettingsView(View):
    """Settings in force. Secrets never leave the gateway: only where one is set is told."""

    settings_schema: dict[str, Any] | None = Field(
        alias="schema", description="JSON Schema (2020-12); secrets carry `writeOnly`. Null for no settings."
    )
    values: dict[str, Any]
    secrets_set: list[str] = Field(description="JSON Pointers of the secrets that have a value.")
    revision: int
    earlier_form: bool = Field(
        description="`values` are in the form of an earlier release, which the plugin reads; what is saved "
        "next is in the form of `schema`, and replaces them and their secrets as a whole."
    )


class SettingsChange(Body):
    """The whole settings. A secret that is left out keeps its value."""

    values: dict[str, Any] = Field(examples=[{"url": "redis://localhost:6379/0"}])
    dry_run: bool = Field(False, description="Judge them without taking them.")


class SettingsResult(View):
    """Settings that were accepted."""

    revision: int = Field(description="The revision in force; unchanged by a dry run.")
    dry_run: bool
    restart_required: bool = Field(description="They take effect with a start of the plugin, done for you.")
    rollout: str | None = Field(None, description="The rollout that brings them in, where one is needed.")
