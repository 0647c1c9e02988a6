"""What the operator sets: Grafana servers by name, each with its login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from pydantic import model_validator as validator_of_all
from pydantic.alias_generators import to_camel

FORM = "must look like https://host:port (or http:// without TLS); a path may follow"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """Where the server listens, and below which path."""

    host: str
    port: int
    tls: bool
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}{self.path}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self}"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Connection(_Model):
    """One server, with a token or with a user and a password."""

    url: str = Field(
        title="Address",
        description="https://host:port, or http:// without TLS; with a path where it is served below one.",
        examples=["http://127.0.0.1:3000"],
        max_length=500,
    )
    token: SecretStr = Field(
        default=SecretStr(""),
        title="Service account token",
        description="Counts before user and password. It belongs to one organisation.",
    )
    user: str = Field(
        default="",
        title="User",
        description="Instead of a token; a server administrator sees all organisations and users.",
        max_length=200,
    )
    password: SecretStr = Field(default=SecretStr(""), title="Password")
    organisation: Annotated[int, Field(ge=0)] = Field(
        default=0,
        title="Organisation",
        description="Its number, for a user who is in several; 0 for the one that the login has chosen.",
    )
    ca_certificate: str = Field(
        default="",
        title="CA certificate (PEM)",
        description="For https:// with a certificate that no public authority has signed.",
        max_length=64_000,
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Refuse everything that would change this server, for everyone.",
    )
    connect_timeout: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=3.0,
        title="Time to connect (seconds)",
        description="An unreachable server is told as such after this time.",
    )
    answer_timeout: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=20.0,
        title="Time for an answer (seconds)",
        description="What takes longer in all, waiting for a throttled server included, is given up.",
    )

    @field_validator("url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("ca_certificate")
    @classmethod
    def _is_pem(cls, value: str) -> str:
        if value and "-----BEGIN CERTIFICATE-----" not in value:
            raise ValueError("must be in PEM form, starting with -----BEGIN CERTIFICATE-----")
        return value

    @property
    def address(self) -> Address:
        return parse_address(self.url)

    @property
    def login(self) -> str:
        """How it logs in, in words; empty where nothing is set for that."""
        if self.token.get_secret_value():
            return "a service account token"
        return f"the user '{self.user}'" if self.user and self.password.get_secret_value() else ""


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Settings(_Model):
    """Settings of the Grafana manager."""

    connections: dict[Name, Connection] = Field(
        default_factory=dict,
        title="Connections",
        description="Servers by name: small letters, digits and hyphens.",
        max_length=50,
    )
    default_connection: str = Field(
        default="",
        title="Default connection",
        description="The one that is shown first; leave empty for the first by name.",
        max_length=63,
    )

    @validator_of_all(mode="after")
    def _default_is_there(self) -> Settings:
        if self.default_connection and self.default_connection not in self.connections:
            raise ValueError(f"there is no connection named '{self.default_connection}'")
        return self

    @property
    def first(self) -> str:
        """The name that counts where a call gives none; empty where there is no connection."""
        return self.default_connection or min(self.connections, default="")


def parse_address(url: str) -> Address:
    """Read the address; raises ValueError without repeating the input, which may hold a password."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(FORM) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the address; they have fields of their own")
    if parts.scheme not in PORTS or not host or parts.query or parts.fragment:
        raise ValueError(FORM)
    return Address(host, port or PORTS[parts.scheme], parts.scheme == "https", parts.path.rstrip("/"))
