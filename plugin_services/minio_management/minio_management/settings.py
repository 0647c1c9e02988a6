"""What the operator sets: servers by name, each with its keys."""

from __future__ import annotations

from plugway_sdk.web.connection_settings import (
    Address,
    CaCertificate,
    ConnectionSettings,
    Seconds,
    SettingsModel,
    split_address,
)
from pydantic import Field, SecretStr, field_validator

FORM = "must look like https://host:port (or http:// without TLS), without a path"
PORTS = {"http": 80, "https": 443}


class Connection(SettingsModel):
    """One server."""

    url: str = Field(
        title="Address",
        description="https://host:port, or http:// without TLS. Of the S3 API, not of the web console.",
        examples=["http://127.0.0.1:9000"],
        max_length=500,
    )
    access_key: str = Field(
        default="", title="Access key", description="The user's name, or an access key's.", max_length=200
    )
    secret_key: SecretStr = Field(default=SecretStr(""), title="Secret key", description="Its password.")
    region: str = Field(
        default="",
        title="Region",
        description="Leave empty to ask the server for each bucket's.",
        pattern=r"^[A-Za-z0-9-]{0,64}$",
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
        description="A call during which nothing comes for longer is given up.",
    )

    @field_validator("url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        parse_address(value)
        return value

    @property
    def address(self) -> Address:
        return parse_address(self.url)


class Settings(ConnectionSettings[Connection]):
    """Settings of the MinIO manager."""


def parse_address(url: str) -> Address:
    """Read the address; raises ValueError without repeating the input, which may hold a password."""
    host, port, parts = split_address(url, PORTS, FORM)
    if parts.path.strip("/"):
        raise ValueError(FORM)
    return Address(host, port or PORTS[parts.scheme], tls=parts.scheme == "https")
