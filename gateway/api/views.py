"""What the management API answers: one model for every answer. JSON names are in camel case."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.definition import PluginDefinition
from gateway.model import InstanceState, Ownership, PluginState, Source, Tier, UiType, Voice
from gateway.supervisor.limits import LimitOptions


class View(BaseModel):
    """Base of the answers. Times are RFC 3339, in UTC."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        json_schema_serialization_defaults_required=True,
    )


class Body(BaseModel):
    """Base of the inputs. Unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class SandboxView(View):
    """What really surrounds an instance, as its runtime found it applied."""

    level: str = Field(description="`none`, `docker` or `runsc`.", examples=["docker"])
    network: str = Field(description="What it reaches without the relay; `none` for nothing.")
    holds: list[str]
    lacks: list[str] = Field(description="What belongs to the sandbox and is not there; empty where whole.")


class RelayView(View):
    """The way out of an instance that has no network. Counts since the gateway began."""

    granted: list[str] = Field(description="`host:port` of all that it may reach now.")
    unmet: list[str] = Field(description="Permissions that name nothing to reach, and why.")
    open: int = Field(description="Connections open now, those being made included.")
    connections: int
    sent: int = Field(description="Bytes.")
    received: int = Field(description="Bytes.")
    refusals: int
    last_refusal: str = Field(description="Why a connection was not made, for people; empty for none.")
    refused_at: datetime | None
    problem: str = Field(description="Why the relay is not there; empty where it is.")


class CircuitView(View):
    """Whether an instance gets calls, by how the last ones went."""

    state: Literal["closed", "open", "half-open", "held"] = Field(
        description="`open`: taken out for a time; `half-open`: tried again; `held`: it would be "
        "open, were it not the last one."
    )
    words: str = Field(description="Why, for people; empty while closed.")
    until: datetime | None = Field(description="When it is tried again.")
    ejections: int = Field(description="How often it was taken out in a row.")


class InstanceView(View):
    """One running copy of a release."""

    id: str
    release_id: str
    state: InstanceState = Field(description="What the runtime sees, apart from health.")
    healthy: bool
    reason: str = Field(description="Why it is not healthy, for people.")
    voice: Voice = Field(description="Which way of watching health spoke last.")
    weight: int = Field(description="Its release's share of the plugin's calls, in percent.")
    runtime: str = Field(description="What runs it.", examples=["docker"])
    ownership: Ownership
    started_at: datetime | None
    address: str = Field(description="Where it answers the contract; empty while it does not.")
    sandbox: SandboxView | None = Field(description="Null where nobody here can know it.")
    relay: RelayView | None = Field(description="Null where it has none.")
    circuit: CircuitView


class TrustView(View):
    """Why a release may run here, and how it stands by the policy of now."""

    verified: bool = Field(description="The gateway's own finding: a known signer vouches for these bytes.")
    rule: str = Field(description="The rule by which it was let in.", examples=["signed"])
    words: str = Field(description="The same for people.")
    signer: str = Field(description="Who vouches for it; empty for nobody.")
    keys: list[str] = Field(description="Ids of the keys that signed.")
    course: Literal["run", "keep", "stop"] = Field(
        description="`keep`: it is trusted no more and runs on; `stop`: it may not run any more."
    )
    refusal: str = Field(description="Why it is trusted no more; empty where it is.")


class RatingReasonView(View):
    points: int = Field(description="Given, or taken where negative.")
    words: str
    observed: bool = Field(description="Seen while it ran, not only declared.")


class RatingView(View):
    """How far it has to be trusted blindly. It decides nothing: the policy does."""

    grade: Literal["A", "B", "C", "D", "E"]
    points: int = Field(description="Of 100.")
    final: bool = Field(description="False: it was not seen running, and can be no better than this.")
    reasons: list[RatingReasonView]


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
    definition: PluginDefinition


class LimitsView(View):
    """How a plugin may be called."""

    own: LimitOptions = Field(description="What was set here.")
    suggested: LimitOptions = Field(description="What the plugin's manifest asks for.")
    effective: LimitOptions = Field(description="What holds.")


class PluginList(View):
    plugins: list[PluginView]


class InstanceList(View):
    instances: list[InstanceView]


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


class SettingsView(View):
    """Settings in force. Secrets never leave the gateway: only where one is set is told."""

    settings_schema: dict[str, Any] | None = Field(
        alias="schema", description="JSON Schema (2020-12); secrets carry `writeOnly`. Null for no settings."
    )
    values: dict[str, Any]
    secrets_set: list[str] = Field(description="JSON Pointers of the secrets that have a value.")
    revision: int


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


class LogLineView(View):
    """One line of an instance's output."""

    at: datetime | None
    instance: str
    text: str


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


class CheckView(View):
    """One thing that was looked at."""

    what: str = Field(examples=["artefact"])
    ok: bool | None = Field(description="Null where there is nothing to vouch for.")
    words: str


class VerificationView(View):
    """Everything about an installed plugin, looked at anew."""

    ok: bool = Field(description="Nothing that was looked at failed.")
    checks: list[CheckView]


class EventView(View):
    """The data of one server-sent event."""

    id: int
    at: datetime
    type: str = Field(examples=["plugin.state"])
    plugin: str = Field(description="The plugin concerned; empty for none.")
    data: dict[str, Any]


class RuntimeView(View):
    name: str = Field(examples=["docker"])
    reason: str = Field(description="Why this runtime was taken.")
    isolation: list[str] = Field(description="What really isolates plugins here; empty for nothing.")


class SnapshotView(View):
    epoch: int
    number: int


class SystemView(View):
    version: str
    runtime: RuntimeView
    snapshot: SnapshotView
    started_at: datetime


class SessionView(View):
    """Who you are to the gateway."""

    user: str
    role: str = Field(description="Holds for everything; may be empty.", examples=["admin"])
    grants: dict[str, str] = Field(description="What else you are, by plugin; `*` is all of them.")


class TokenLogin(Body):
    token: str = Field(
        max_length=4096, description="Any token that holds.", json_schema_extra={"format": "password"}
    )


class LoginLink(View):
    """A link that signs a browser in, once."""

    url: str
    expires_at: datetime


class HealthView(View):
    status: str = Field(examples=["ok"])


class ReadyView(View):
    """Whether calls can be served."""

    ready: bool
    reason: str = Field(description="Why not; empty where it is ready.")


class OpenApiView(View):
    """An OpenAPI 3.1 document; only what every one has is told here."""

    model_config = ConfigDict(extra="allow")

    openapi: str = Field(examples=["3.1.0"])
    info: dict[str, Any]
    paths: dict[str, Any]
