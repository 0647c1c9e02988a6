"""How settings come into force: judged whole, refused by field, taken wholly or not at all."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from plugway.plugin.v1 import plugin_pb2
from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from plugway_sdk.callers import trusted_keys
from plugway_sdk.errors import SettingsRefused
from plugway_sdk.masking import Mask, log_mask
from plugway_sdk.plugin import Plugin, S

log = logging.getLogger("plugway_sdk.settings")


class SettingsKeeper:
    """Answers Configure for one plugin. One at a time, in the order they came."""

    def __init__(self, plugin: Plugin[S]) -> None:
        self._plugin = plugin
        self._one_at_a_time = asyncio.Lock()
        self._configured = False
        self._last: plugin_pb2.ConfigureRequest | None = None
        if plugin.settings_class is not None and plugin.in_force is None:
            try:
                plugin.in_force = plugin.settings_class()
            except ValidationError:
                log.debug("some settings have no default; calls wait for the first Configure")

    @property
    def missing(self) -> bool:
        """The plugin needs settings that nobody gave yet."""
        return self._plugin.settings_class is not None and self._plugin.in_force is None

    async def configure(self, request: plugin_pb2.ConfigureRequest) -> plugin_pb2.ConfigureResponse:
        if not request.dry_run:
            trusted_keys.take(self._plugin.id, request.release_id, request.call_keys)
        # No part of the settings: new keys alone must not look like a change of them.
        request.ClearField("call_keys")
        request.ClearField("release_id")
        mask = Mask(request.secrets.values())
        log_mask.add(request.secrets.values())
        async with self._one_at_a_time:
            try:
                restart = await self._judge(request)
            except SettingsRefused as refusal:
                errors = refusal.errors
            except Exception as error:
                # The author's code (validators, migrate, on_check, on_configure): any failure is a
                # refusal, and the settings in force stay.
                log.exception("the plugin failed on new settings")
                errors = {"": f"the plugin could not take them: {type(error).__name__}: {error}"}
            else:
                return plugin_pb2.ConfigureResponse(accepted=True, restart_required=restart)
        reasons = [plugin_pb2.FieldError(field=field, message=mask(why)) for field, why in errors.items()]
        return plugin_pb2.ConfigureResponse(accepted=False, errors=reasons)

    async def _judge(self, request: plugin_pb2.ConfigureRequest) -> bool:
        """Take them, or say that it needs a restart. Raises what the author's code raises."""
        plugin = self._plugin
        if request == self._last:
            return False
        values = self._values(request)
        if plugin.settings_class is None:
            if values:
                raise SettingsRefused({"": "this plugin has no settings"})
            return False
        settings = _validated(plugin.settings_class, values)
        log_mask.add(secrets_of(settings))
        if plugin.on_check is not None:
            await plugin.on_check(settings)
        if request.dry_run:
            return self._needs_restart(settings)
        if self._needs_restart(settings):
            return True
        if plugin.on_configure is not None:
            await plugin.on_configure(settings)
        plugin.in_force = settings
        self._configured = True
        self._last = plugin_pb2.ConfigureRequest()
        self._last.CopyFrom(request)
        log.info("settings of revision %d are in force", request.revision)
        return False

    def _needs_restart(self, settings: BaseModel) -> bool:
        plugin = self._plugin
        return plugin.restart_on_settings_change and self._configured and settings != plugin.in_force

    def _values(self, request: plugin_pb2.ConfigureRequest) -> dict[str, Any]:
        plugin = self._plugin
        try:
            values = json.loads(request.settings_json or "{}")
        except ValueError:
            raise SettingsRefused({"": "the settings are not JSON"}) from None
        if not isinstance(values, dict):
            raise SettingsRefused({"": "the settings must be one JSON object"})
        for pointer, secret in request.secrets.items():
            put(values, pointer, secret)
        version = request.schema_version or plugin.settings_version
        if not plugin.settings_reads_from <= version <= plugin.settings_version:
            raise SettingsRefused(
                {
                    "": f"saved with schema version {version}; this release reads "
                    f"{plugin.settings_reads_from} to {plugin.settings_version}"
                }
            )
        if version < plugin.settings_version and plugin.migrate is not None:
            return plugin.migrate(values, version)
        return values


def put(values: dict[str, Any], pointer: str, value: str) -> None:
    """Set ``value`` at an RFC 6901 pointer, making the objects on the way. Raises SettingsRefused."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] or [""]
    node: Any = values
    try:
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        node[int(last) if isinstance(node, list) else last] = value
    except (ValueError, IndexError, AttributeError, TypeError):
        raise SettingsRefused({pointer: "there is no place for this secret"}) from None


def secrets_of(value: Any) -> Iterator[str]:
    """Every secret inside a settings object."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from secrets_of(item)


def _validated(settings_class: type[S], values: dict[str, Any]) -> S:
    try:
        return settings_class.model_validate(values)
    except ValidationError as error:
        issues = error.errors(include_url=False, include_context=False, include_input=False)
    errors: dict[str, str] = {}
    for issue in issues:
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in issue["loc"])
        text = "unknown setting" if issue["type"] == "extra_forbidden" else issue["msg"]
        errors.setdefault(pointer, text.removeprefix("Value error, "))
    raise SettingsRefused(errors)
