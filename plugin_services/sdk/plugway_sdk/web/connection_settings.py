"""Settings of a plugin that looks after servers: connections by name, and parts of one."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel


class SettingsModel(BaseModel):
    """In camelCase, like an API's; nobody changes it, and unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def _is_pem(value: str) -> str:
    if value and "-----BEGIN CERTIFICATE-----" not in value:
        raise ValueError("must be in PEM form, starting with -----BEGIN CERTIFICATE-----")
    return value


CaCertificate = Annotated[
    str, Field(title="CA certificate (PEM)", max_length=64_000), AfterValidator(_is_pem)
]
Seconds = Annotated[float, Field(ge=0.1, le=60)]
"""Time for one step of a call."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
C = TypeVar("C")


def by_name(what: str) -> Any:
    """The field ``connections`` of a plugin whose connections are to ``what``."""
    return Field(
        default_factory=dict,
        title="Connections",
        description=f"{what} by name: small letters, digits and hyphens.",
        max_length=50,
    )


class ConnectionSettings(SettingsModel, Generic[C]):
    """Any number of connections, one of which is the default."""

    connections: dict[Name, C] = by_name("Servers")
    default_connection: str = Field(
        default="",
        title="Default connection",
        description="The one that is shown first; leave empty for the first by name.",
        max_length=63,
    )

    @model_validator(mode="after")
    def _default_is_there(self) -> Self:
        if self.default_connection and self.default_connection not in self.connections:
            raise ValueError(f"there is no connection named '{self.default_connection}'")
        return self

    @property
    def first(self) -> str:
        """The name that counts where a call gives none; empty where there is no connection."""
        return self.default_connection or min(self.connections, default="")


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    tls: bool = field(kw_only=True)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def split_address(url: str, schemes: Container[str], form: str) -> tuple[str, int | None, SplitResult]:
    """Host, port and all parts of an address that is a URL without a query.

    Raises ValueError with ``form``, or about user and password in it, but never repeats the input: that may
    hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(form) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the address; they have fields of their own")
    if parts.scheme not in schemes or not host or parts.query or parts.fragment:
        raise ValueError(form)
    return host, port, parts
