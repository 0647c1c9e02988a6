"""What the operator sets: service principals by name, and where their cloud is."""

from __future__ import annotations

from plugway_sdk.web.connection_settings import (
    CaCertificate,
    ConnectionSettings,
    Name,
    Seconds,
    SettingsModel,
    by_name,
    split_address,
)
from pydantic import Field, SecretStr, field_validator

API = "https://api.powerbi.com"
LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
FORM = "must look like https://host, without a path (http:// only for this machine)"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class Connection(SettingsModel):
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
    ca_certificate: CaCertificate = Field(
        default="",
        description="For addresses with a certificate that no public authority has signed.",
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Refuse everything that would change something, for everyone.",
    )
    connect_timeout: Seconds = Field(
        default=5.0,
        title="Time to connect (seconds)",
        description="A service that cannot be reached is told as such after this time.",
    )
    answer_timeout: Seconds = Field(
        default=20.0,
        title="Time for a call (seconds)",
        description="With its login, and with waiting where the service asks to slow down.",
    )

    @field_validator("api_url", "login_url")
    @classmethod
    def _url_holds(cls, value: str) -> str:
        return parse_base(value)


class Settings(ConnectionSettings[Connection]):
    """Settings of the Power BI manager."""

    connections: dict[Name, Connection] = by_name("Service principals")


def parse_base(url: str) -> str:
    """The address without a slash at its end; raises ValueError without repeating the input."""
    text = url.strip().rstrip("/")
    host, _, parts = split_address(text, ("https", "http"), FORM)
    if parts.path or (parts.scheme == "http" and host not in _THIS_MACHINE):
        raise ValueError(FORM)
    return text
