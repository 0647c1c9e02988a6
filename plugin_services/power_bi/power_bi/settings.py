"""What the operator sets: service principals by name, and where their cloud is."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from pydantic import model_validator as validator_of_all
from pydantic.alias_generators import to_camel

API = "https://api.powerbi.com"
LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
FORM = "must look like https://host, without a path (http:// only for this machine)"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Connection(_Model):
    """One service principal: an app of a Microsoft Entra tenant, with a secret of its own."""

    tenant_id: str = Field(
        title="Tenant",
        description="Directory (tenant) ID of Microsoft Entra, or a domain of the tenant.",
        pattern=rf"^({_GUID}|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$",
        max_length=255,
    )
    client_id: str = Field(
        title="Client", description="Application (client) ID of the app.", pattern=rf"^{_GUID}$"
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), title="Client secret", description="The secret's value, not its ID."
    )
    api_url: str = Field(
        default=API,
        title="Address of the API",
        description="https://host. Another one for a national cloud, such as https://api.powerbigov.us.",
        max_length=500,
    )
    login_url: str = Field(
        default=LOGIN,
        title="Address of the login",
        description="https://host. Another one for a national cloud, such as https://login.microsoftonline.us.",
        max_length=500,
    )
    scope: str = Field(
        default=SCOPE,
        title="Scope",
        description="What tokens are asked for; national clouds have their own.",
        pattern=r"^https://[!-~]+/\.default$",
        max_length=500,
    )
    ca_certificate: str = Field(
        default="",
        title="CA certificate (PEM)",
        description="For addresses with a certificate that no public authority has signed.",
        max_length=64_000,
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Refuse everything that would change something, for everyone.",
    )
    connect_timeout: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=5.0,
        title="Time to connect (seconds)",
        description="A service that cannot be reached is told as such after this time.",
    )
    answer_timeout: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=20.0,
        title="Time for a call (seconds)",
        description="With its login, and with waiting where the service asks to slow down.",
    )

    @field_validator("api_url", "login_url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        return parse_base(value)

    @field_validator("ca_certificate")
    @classmethod
    def _is_pem(cls, value: str) -> str:
        if value and "-----BEGIN CERTIFICATE-----" not in value:
            raise ValueError("must be in PEM form, starting with -----BEGIN CERTIFICATE-----")
        return value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Settings(_Model):
    """Settings of the Power BI manager."""

    connections: dict[Name, Connection] = Field(
        default_factory=dict,
        title="Connections",
        description="Service principals by name: small letters, digits and hyphens.",
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


def parse_base(url: str) -> str:
    """The address without a slash at its end; raises ValueError without repeating the input."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(FORM) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the address; they have fields of their own")
    if not host or parts.path or parts.query or parts.fragment:
        raise ValueError(FORM)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _THIS_MACHINE):
        raise ValueError(FORM)
    return text
