"""The routing tables that the registry publishes to every data plane. Nothing mutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.call_limits import Limits
from gateway.model import Endpoint, PluginId, PluginState, ReleaseId, RouteRule, TypedServices
from gateway.ui_bundles import UiBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One release's share of a plugin's traffic. ``weight`` is 0 to 100.

    A ``warm`` one has no share, and takes calls where those that have one fail. ``page_origins`` is what
    its page may load from other hosts; ``templates`` are the paths that it declares.
    """

    release_id: ReleaseId
    version: str
    endpoints: tuple[Endpoint, ...]
    weight: int = 100
    warm: bool = False
    ui: UiBundle | None = None
    page_origins: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    one_way: bool = False
    typed: TypedServices | None = None
    templates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """A release that the calls of one user go to, and nobody else's: a copy on an author's machine.

    Without endpoints it is away, and ``reason`` says why.
    """

    user: str
    target: Target
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Calls of ``user`` are written down, those of everybody where it is None.

    Of each body at most ``most`` bytes are kept.
    """

    id: str
    user: str | None
    most: int

    @property
    def whose(self) -> str:
        """The user, or ``*``, which no user is called."""
        return "*" if self.user is None else self.user


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Who asks for ``release_id`` by name: ``always`` in this header (lower case) or cookie."""

    release_id: ReleaseId
    header: str
    cookie: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Everything the data plane has to know of one plugin.

    Pages of ``origins`` may call it though they are not the gateway's. ``services`` are the gRPC services
    of all its releases, also while none of them runs; ``installed`` is when it was, in seconds since 1970.
    """

    plugin_id: PluginId
    name: str = ""
    state: PluginState
    reason: str = ""
    retry_after: float = 1.0
    targets: tuple[Target, ...] = ()
    limits: Limits = Limits()
    preview: Preview | None = None
    origins: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    installed: float = 0.0
    personal: tuple[Personal, ...] = ()
    recording: Recording | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One immutable routing table. A higher ``(epoch, number)`` replaces a lower one."""

    number: int = 0
    epoch: int = 0
    routes: Mapping[PluginId, Route] = field(default_factory=lambda: MappingProxyType({}))
