"""What the operator sets: servers by name, each with its user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from plugway_sdk.web import connection_settings
from plugway_sdk.web.connection_settings import (
    CaCertificate,
    ConnectionSettings,
    Name,
    Seconds,
    SettingsModel,
    by_name,
    split_address,
)
from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic import model_validator as validator_of_all

DEFAULT_PORT = 6379
Host = Annotated[str, StringConstraints(min_length=3, max_length=300)]
FORM = "must look like redis://host:port/0 (rediss:// for TLS)"


@dataclass(frozen=True)
class Address(connection_settings.Address):
    """Where Redis listens, and the database that is opened first."""

    database: int


class Connection(SettingsModel):
    """One Redis."""

    url: str = Field(
        title="Address",
        description="redis://host:port/database, or rediss:// for TLS. Without user and password: "
        "those have fields of their own, so that the password is kept as a secret.",
        examples=["redis://127.0.0.1:6379/0"],
        max_length=500,
    )
    kind: Literal["server", "cluster", "sentinel"] = Field(
        default="server",
        title="What is there",
        description="One server, a node of a cluster, or a sentinel that knows where the primary is.",
    )
    nodes: Annotated[list[Host], Field(max_length=200)] = Field(
        default_factory=list,
        title="Further addresses",
        description="host:port of the cluster's other nodes, or of other sentinels and of the servers "
        "that they watch: in a container, the plugin reaches what is named here, and nothing else.",
    )
    primary_name: str = Field(
        default="",
        title="Name of the primary",
        description="As the sentinels know it, for example mymaster.",
        pattern=r"^[!-~]{0,200}$",
    )
    sentinel_username: str = Field(
        default="", title="User at the sentinels", description="Where they ask for one.", max_length=200
    )
    sentinel_password: SecretStr = Field(
        default=SecretStr(""), title="Password of the sentinels", description="Where they ask for one."
    )
    username: str = Field(
        default="",
        title="User",
        description="An ACL user of Redis 6 or later; leave empty for the default user.",
        max_length=200,
    )
    password: SecretStr = Field(
        default=SecretStr(""), title="Password", description="Leave empty where Redis asks for none."
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Refuse everything that would change this Redis, for everyone.",
    )
    connection_name: str = Field(
        default="plugway",
        title="Connection name",
        description="Shown in CLIENT LIST. Leave empty where the user may not run CLIENT SETNAME.",
        pattern=r"^[!-~]{0,64}$",
    )
    connect_timeout: Seconds = Field(
        default=3.0,
        title="Time to connect (seconds)",
        description="An unreachable Redis is told as such after this time.",
    )
    command_timeout: Seconds = Field(
        default=10.0,
        title="Time for a command (seconds)",
        description="A command that takes longer is given up. Must be shorter than the gateway's deadline.",
    )
    ca_certificate: CaCertificate = Field(
        default="",
        description="For rediss:// with a certificate that no public authority has signed.",
    )

    @field_validator("url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        parse_address(value)
        return value

    @field_validator("nodes")
    @classmethod
    def _nodes_hold(cls, value: list[str]) -> list[str]:
        for node in value:
            parse_host(node)
        return value

    @validator_of_all(mode="after")
    def _kind_holds(self) -> Connection:
        if self.kind == "sentinel" and not self.primary_name:
            raise ValueError("a sentinel needs the name of the primary")
        if self.kind == "cluster" and self.address.database:
            raise ValueError("a cluster has the database 0 only")
        return self

    @property
    def address(self) -> Address:
        return parse_address(self.url)

    @property
    def places(self) -> list[tuple[str, int]]:
        """All addresses, that of the URL first."""
        return [(self.address.host, self.address.port), *map(parse_host, self.nodes)]

    @property
    def where(self) -> str:
        """In words."""
        if self.kind == "sentinel":
            return f"'{self.primary_name}' behind the sentinel at {self.address}"
        return f"at {self.address}"


class Settings(ConnectionSettings[Connection]):
    """Settings of the Redis manager."""

    connections: dict[Name, Connection] = by_name("Redis servers")


VERSION = 2
"""Of the settings' form. 1 was one Redis, its fields at the top."""


def migrate(values: dict[str, Any], version: int) -> dict[str, Any]:
    """Settings of the form 1 in today's: its one Redis is the connection ``redis``."""
    if version != 1:
        raise ValueError(f"settings of the form {version} are not known")
    return {"connections": {"redis": {"url": "redis://127.0.0.1:6379/0", **values}}}


def parse_address(url: str) -> Address:
    """Read the address; raises ValueError without repeating the input, which may hold a password."""
    host, port, parts = split_address(url, ("redis", "rediss"), FORM)
    return Address(host, port or DEFAULT_PORT, _database(parts), tls=parts.scheme == "rediss")


def parse_host(text: str) -> tuple[str, int]:
    """Read ``host:port``; raises ValueError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must look like host:port") from None
    if not host or not port or parts.netloc != text or parts.username is not None:
        raise ValueError("must look like host:port")
    return host, port


def _database(parts: SplitResult) -> int:
    text = parts.path.strip("/")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) > 65_535:
        raise ValueError("the database after the last '/' must be a number, e.g. /0")
    return int(text)
