"""What an author says about a plugin: values only, nothing is started here."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal

from pydantic import BaseModel
from typing_extensions import TypeVar

from plugway_sdk.errors import NotConfigured, PluginMisdefined
from plugway_sdk.nothing_here import nothing_here
from plugway_sdk.ui import KIT, kit_root

if TYPE_CHECKING:
    # Not for a running plugin: each is a part of its start.
    from importlib.resources.abc import Traversable

    from prometheus_client import CollectorRegistry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
OpenApi = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None

S = TypeVar("S", bound=BaseModel, default=BaseModel)

_ID = re.compile(r"[a-z][a-z0-9-]{1,62}")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What the plugin wants beyond its own container.

    ``egress`` holds ``host:port`` or ``settings:/pointer`` (the operator's setting names
    the destination); ``volumes`` the names of directories that outlive the container; ``origins``
    what its page loads from other hosts, or shows of them: ``img-src https://images.example``,
    ``media-src`` or ``frame-src``.
    """

    egress: Sequence[str] = ()
    volumes: Sequence[str] = ()
    origins: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class RouteRule:
    """Who may call the paths under a prefix. The first rule that matches counts.

    A path that no rule matches needs a signed-in user. Empty ``methods`` means all.
    """

    path_prefix: str
    access: Literal["public", "user", "admin"]
    methods: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Rate:
    """``per_second`` in the long run, ``burst`` at once; without one, what a second allows."""

    per_second: float
    burst: int | None = None


@dataclass(frozen=True, kw_only=True)
class RouteLimit:
    """For a path and those below it; a segment in braces stands for any. Empty ``methods`` means all."""

    path: str
    methods: Sequence[str] = ()
    rate: Rate | None = None
    concurrent: int | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much the plugin wants to be called, where its operator says nothing else.

    It can only ask for less than it would get. ``concurrent`` are calls that run at once.
    """

    rate: Rate | None = None
    concurrent: int | None = None
    user_rate: Rate | None = None
    user_concurrent: int | None = None
    routes: Sequence[RouteLimit] = ()


@dataclass(frozen=True, kw_only=True)
class DataPolicy:
    """Whether an older release can read what this one writes, and why not."""

    one_way_migration: bool = False
    explanation: str = ""


class Plugin(Generic[S]):
    """One plugin: who it is, its ASGI app, its settings, its UI.

    ``on_check`` judges settings without taking them (a trial connection, say) and runs in a
    dry run too; ``on_configure`` takes them, wholly or not at all. Both raise
    :class:`SettingsRefused`. ``migrate`` turns stored values of an older schema version
    into today's. ``ui`` is a directory, relative to the module that makes the plugin;
    ``ui_kit`` adds the SDK's shared parts of pages to it as ``kit/``. ``services`` are servicers
    of gRPC services that clients may call; with ``google.api.http`` annotations they answer as
    JSON too.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the contract's own word
        version: str,
        app: AsgiApp | None = None,
        name: str = "",
        description: str = "",
        settings: type[S] | None = None,
        on_configure: Callable[[S], Awaitable[None]] | None = None,
        on_check: Callable[[S], Awaitable[None]] | None = None,
        migrate: Callable[[dict[str, Any], int], dict[str, Any]] | None = None,
        settings_version: int = 1,
        settings_reads_from: int = 1,
        restart_on_settings_change: bool = False,
        ui: str | Path | Traversable | None = None,
        ui_kit: bool = False,
        ui_entry: str = "index.js",
        ui_styles: Sequence[str] = (),
        ui_type: Literal["static", "react_component"] = "static",
        permissions: Permissions = Permissions(),
        routes: Sequence[RouteRule] = (),
        data_policy: DataPolicy = DataPolicy(),
        limits: Limits = Limits(),
        openapi: OpenApi = None,
        metrics: CollectorRegistry | None = None,
        services: Sequence[object] = (),
    ) -> None:
        _require_identity(id, version)
        if not 1 <= settings_reads_from <= settings_version:
            raise PluginMisdefined("settings_reads_from must lie between 1 and settings_version")
        self.id = id
        self.version = version
        self.app = app or nothing_here
        self.name = name or id
        self.description = description
        self.settings_class = settings
        self.on_configure = on_configure
        self.on_check = on_check
        self.migrate = migrate
        self.settings_version = settings_version
        self.settings_reads_from = settings_reads_from
        self.restart_on_settings_change = restart_on_settings_change
        self.ui = _ui_root(ui, sys._getframe(1).f_globals.get("__file__", ""))
        self.ui_kit = ui_kit
        self.ui_entry = ui_entry
        self.ui_styles = tuple(ui_styles)
        self.ui_type = ui_type
        self.permissions = permissions
        self.routes = tuple(routes)
        self.data_policy = data_policy
        self.limits = limits
        self.openapi = openapi
        self.metrics = metrics
        self.services = tuple(services)
        self.in_force: S | None = None
        if self.ui is not None:
            _require_files(self.ui, (ui_entry, *ui_styles), kit=ui_kit)

    @property
    def settings(self) -> S:
        """The settings in force; raises :class:`NotConfigured` before the first ones are."""
        if self.in_force is None:
            raise NotConfigured(f"the plugin {self.id} has no settings in force")
        return self.in_force


def _require_identity(id_: str, version: str) -> None:
    if not _ID.fullmatch(id_):
        raise PluginMisdefined(f"id {id_!r}: lower-case letters, digits and '-', letter first, 2 to 63 long")
    if not _VERSION.fullmatch(version):
        raise PluginMisdefined(f"version {version!r} is not a semantic version such as 1.0.0")


def _require_files(ui: Traversable, files: Sequence[str], *, kit: bool) -> None:
    for file in files:
        if not _has(ui, file, kit=kit):
            raise PluginMisdefined(f"the UI bundle {ui} has no file {file!r}")
    if kit and ui.joinpath(KIT).is_dir():
        raise PluginMisdefined(f"the UI bundle {ui} has a {KIT!r} of its own; ui_kit adds one")


def _has(root: Traversable, file: str, *, kit: bool) -> bool:
    in_kit = file.removeprefix(f"{KIT}/")
    if kit and in_kit != file:
        return kit_root().joinpath(in_kit).is_file()
    return root.joinpath(file).is_file()


def _ui_root(ui: str | Path | Traversable | None, module_file: str) -> Traversable | None:
    if ui is None:
        return None
    root: Traversable = Path(module_file).resolve().parent / ui if isinstance(ui, str | Path) else ui
    if not root.is_dir():
        raise PluginMisdefined(f"the UI directory {root} is not there")
    return root
