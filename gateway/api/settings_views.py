"""What the management API takes and answers about settings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.view_base import Body, View


class LeftSetting(View):
    """A setting of the earlier form that has no place in this one."""

    pointer: str = Field(description="Where it stands in the earlier form, as a JSON Pointer.")
    value: Any = Field(None, description="Null for a secret, which is never told.")
    secret: bool


class CarriedSettings(View):
    """What settings in an earlier form come to in this one, by names and kinds alone."""

    values: dict[str, Any] = Field(description="Those that have a place in `schema`: to begin a form with.")
    secrets_set: list[str] = Field(
        description="JSON Pointers of the secrets that stay where what is saved leaves them out."
    )
    left: list[LeftSetting] = Field(
        description="What is gone once others are saved, unless it is entered elsewhere."
    )


class SettingsView(View):
    """Settings in force. Secrets never leave the gateway: only where one is set is told."""

    settings_schema: dict[str, Any] | None = Field(
        alias="schema", description="JSON Schema (2020-12); secrets carry `writeOnly`. Null for no settings."
    )
    values: dict[str, Any]
    secrets_set: list[str] = Field(description="JSON Pointers of the secrets that have a value.")
    revision: int
    earlier_form: bool = Field(
        description="`values` are in the form of an earlier release, which the plugin reads, until others "
        "are saved in the form of `schema`; see `carried`."
    )
    carried: CarriedSettings | None = Field(description="Null, but for settings in an earlier form.")


class SettingsChange(Body):
    """The whole settings. A secret that is left out keeps its value where the form has a place for it."""

    values: dict[str, Any] = Field(examples=[{"url": "redis://localhost:6379/0"}])
    dry_run: bool = Field(False, description="Judge them without taking them.")


class SettingsResult(View):
    """Settings that were accepted."""

    revision: int = Field(description="The revision in force; unchanged by a dry run.")
    dry_run: bool
    restart_required: bool = Field(description="They take effect with a start of the plugin, done for you.")
    rollout: str | None = Field(None, description="The rollout that brings them in, where one is needed.")
