"""What the management API answers about the gateway itself, and who asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from gateway.api.view_base import Body, View


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
