"""What the management API answers about plugins and their releases: one model for every answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.api.instance_views import InstanceView
from gateway.api.trust_views import RatingView, TrustView
from gateway.api.view_base import View
from gateway.definition import PluginDefinition
from gateway.model import PluginState, Source, Tier, UiType, Voice
from gateway.supervisor.limits import LimitOptions


class UiView(View):
    """A plugin's user interface."""

    type: UiType
    url: str = Field(description="Path of the page to open.", examples=["/plugins/notes/ui/"])


class PermissionsView(View):
    """What a release may do outside its container."""

    egress: list[str] = Field(description="`host:port`, or `settings:/pointer` for one that settings name.")
    volumes: list[str] = Field(description="Names of the directories that outlive the container.")
    origins: list[str] = Field(
        description="What its page loads from other hosts.", examples=[["img-src https://images.example"]]
    )


class UpstreamView(View):
    """What was found at the tag or URL that a plugin was installed from. Nothing of it is taken."""

    reference: str = Field(description="The tag or URL; empty where it could not be looked at.")
    changed: bool = Field(description="There are other bytes than those that are installed.")
    digest: str = Field(description="Of what is there now.")
    installed: str = Field(description="Of what was there when it was installed, and stays.")
    newest: str = Field(description="The newest version that a registry lists beyond the installed one.")
    words: str
    problem: str = Field(description="Why it could not be looked at; empty where it could.")
    checked_at: datetime | None


class PluginView(View):
    """An installed plugin: what is wanted, and how it is."""

    id: str = Field(examples=["notes"])
    name: str
    description: str
    version: str
    source: Source
    tier: Tier
    enabled: bool
    pinned: bool
    version_floor: str = Field(
        description="Nothing older is let in but by `allowDowngrade`; empty where there is no such floor."
    )
    state: PluginState = Field(description="What a caller of the plugin meets.")
    reason: str = Field(description="Why it is in that state, for people; empty where all is well.")
    voice: Voice = Field(description="Which way of watching health spoke last.")
    since: datetime | None = Field(description="Since when it is in that state.")
    retry_at: datetime | None = Field(description="When the next start is tried.")
    restarts: int
    progress: str = Field(description="What is being done right now, for people.")
    release_id: str
    trust: TrustView
    upstream: UpstreamView | None = Field(
        description="Null where nothing was looked at: see `PLUGWAY_SOURCE_INTERVAL` and `checkUpdates`."
    )
    rating: RatingView
    permissions: PermissionsView
    ui: UiView | None
    has_settings: bool
    settings_required: bool = Field(description="It has settings that must be given before it works.")
    installed_at: datetime | None
    updated_at: datetime | None
    instances: list[InstanceView]
    personal: list[str] = Field(
        description="Users whose calls go to a copy on an author's machine (`plugway dev --route-me`)."
    )
    recorded: str = Field(
        description="Whose calls are being recorded (`plugway record`): a user's, everybody's as `*`, or "
        "nobody's."
    )
    definition: PluginDefinition


class LimitsView(View):
    """How a plugin may be called."""

    own: LimitOptions = Field(description="What was set here.")
    suggested: LimitOptions = Field(description="What the plugin's manifest asks for.")
    effective: LimitOptions = Field(description="What holds.")


class PluginList(View):
    plugins: list[PluginView]


class ReleaseView(View):
    """One immutable version, with its release lock."""

    id: str
    version: str
    current: bool = Field(description="The plugin's calls go to this one.")
    source: Source
    tier: Tier
    trust: TrustView
    added_at: datetime | None
    one_way: bool = Field(description="It changes its data so that older releases cannot read it.")
    lock: dict[str, Any] = Field(description="The release lock: everything the release's id is made from.")


class ReleaseList(View):
    releases: list[ReleaseView]


class CandidateView(View):
    """What an install would bring. Give ``releaseId`` as ``consent`` to install just this."""

    id: str
    name: str
    version: str
    source: Source
    tier: Tier
    release_id: str
    permissions: PermissionsView
    ui_type: UiType
    consent_needed: bool
    trust: TrustView | None = Field(description="Null where the policy refuses it.")
    rating: RatingView = Field(description="By what it declares: nothing of it has run.")
    refusal: dict[str, Any] | None = Field(description="The problem that installing it would end with.")
    lock: dict[str, Any]
