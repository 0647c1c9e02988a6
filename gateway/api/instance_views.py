"""What the management API answers about instances: their sandbox, their way out, what they print."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from gateway.api.view_base import View
from gateway.model import InstanceState, Ownership, Voice


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


class InstanceList(View):
    instances: list[InstanceView]


class LogLineView(View):
    """One line of an instance's output."""

    at: datetime | None
    instance: str
    text: str
