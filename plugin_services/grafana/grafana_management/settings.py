"""What the operator sets: Grafana servers by name, each with its login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from plugway_sdk.web import connection_settings
from plugway_sdk.web.connection_settings import (
    CaCertificate,
    ConnectionSettings,
    Seconds,
    SettingsModel,
    split_address,
)
from pydantic import Field, SecretStr, field_validator

FORM = "must look like https://host:port (or http:// without TLS); a path may follow"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address(connection_settings.Address):
    """Where the server listens, and below which path."""

    path: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()}{self.path}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self}"


class Connection(SettingsModel):
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
    ca_certificate: CaCertificate = Field(
        default="",
        description="For https:// with a certificate that no public authority has signed.",
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Refuse everything that would change this server, for everyone.",
    )
    connect_timeout: Seconds = Field(
        default=3.0,
        title="Time to connect (seconds)",
        description="An unreachable server is told as such after this time.",
    )
    answer_timeout: Seconds = Field(
        default=20.0,
        title="Time for an answer (seconds)",
        description="What takes longer in all, waiting for a throttled server included, is given up.",
    )

    @field_validator("url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        parse_address(value)
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


class Settings(ConnectionSettings[Connection]):
    """Settings of the Grafana manager."""


def parse_address(url: str) -> Address:
    """Read the address; raises ValueError without repeating the input, which may hold a password."""
    host, port, parts = split_address(url, PORTS, FORM)
    tls = parts.scheme == "https"
    return Address(host, port or PORTS[parts.scheme], tls=tls, path=parts.path.rstrip("/"))
