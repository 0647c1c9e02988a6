"""Every setting, its unit, its reason and its default; read from ``PLUGWAY_*``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ORIGIN = re.compile(
    r"(?:https://(?!\S*:443$)|http://(?!\S*:80$)|[a-z][a-z0-9+.-]*-extension://)"
    r"(?:[a-z0-9_-]+(?:[.][a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?"
)


def _named_origins(value: str) -> list[tuple[str, str]]:
    """``(plugin, origin)`` of each part; the plugin is "" where it is for all."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    found = [(part if "=" in part else f"={part}").partition("=") for part in parts]
    return [(name.strip(), origin.strip()) for name, _, origin in found]


def fair_share() -> float:
    """A quarter of the machine's, at most 1."""
    return min(1.0, (os.cpu_count() or 1) / 4)


def shipped_root() -> Path:
    """The directory that holds ``plugin_services/`` and ``deploy/``.

    A checkout has them beside the package; a wheel carries them inside it.
    """
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "plugin_services").is_dir():
        return checkout
    return Path(__file__).resolve().parent / "shipped"


class Settings(BaseSettings):
    """Settings of one gateway process. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="PLUGWAY_", extra="ignore")

    home: Path = Field(Path(".plugway"), description="Database, content store, sockets, tokens, logs.")
    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; loopback, so that nothing is open to the network by chance.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes beside this one that carry calls to plugins; with 0 it carries them itself.",
    )
    worker_silence: float = Field(
        10.0, gt=0, description="Silence after which a worker counts as hung and is replaced."
    )
    worker_alone: float = Field(
        600.0,
        gt=0,
        description="How long workers go on without the control process; with on_exit=keep without limit.",
    )
    tls: Literal["off", "dev"] = Field(
        "off",
        description="TLS towards callers without files of your own: dev makes an authority and a certificate "
        "in the home directory.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate and its chain; a new one is taken over as it comes."
    )
    tls_key: Path | None = Field(None, description="PEM file with the certificate's key, without passphrase.")
    public_url: str = Field(
        "", description="URL under which browsers reach the gateway, where a proxy is in front."
    )
    allowed_hosts: str = Field(
        "", description="More host names that clients may use, by comma; others are refused (DNS rebinding)."
    )
    runtime: Literal["auto", "process", "docker"] = Field(
        "auto", description="What runs instances; auto takes Docker where an engine answers."
    )
    docker_transport: Literal["auto", "unix", "tcp"] = Field(
        "auto", description="How the contract reaches containers; auto tries the mounted socket first."
    )
    base_image: str = Field("python:3.11-slim", description="Image that plugin images are built on.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the home directory.")
    plugin_path: str = Field("", description="More directories with plugins, separated by ':'.")
    install: str = Field(
        "notes,redis-management",
        description="Plugins to install when the home directory is new, by comma: "
        "ids, or id=URL for one that runs elsewhere.",
    )
    on_exit: Literal["stop", "keep"] = Field(
        "stop", description="What happens to managed instances when the gateway ends in good order."
    )

    start_timeout: float = Field(
        30.0, gt=0, description="Start-up budget: from start to first healthy answer."
    )
    check_interval: float = Field(1.0, gt=0, description="Pause between two health checks of an instance.")
    check_timeout: float = Field(
        5.0, gt=0, description="Time-out of one health check; a stopped process hangs."
    )
    failure_threshold: int = Field(
        2, ge=1, description="Failed checks in a row that make an instance unhealthy."
    )
    restart_after: float = Field(
        15.0, gt=0, description="Silence after which an instance that was healthy is replaced."
    )
    backoff_first: float = Field(0.5, gt=0, description="Pause before the first restart; doubles each time.")
    backoff_max: float = Field(60.0, gt=0, description="Longest pause between restarts.")
    quarantine_after: int = Field(5, ge=1, description="Failed starts in a row that end the trying.")
    stable_after: float = Field(60.0, gt=0, description="Healthy time after which failures are forgotten.")
    stop_grace: float = Field(10.0, ge=0, description="Time between drain and kill.")
    log_bytes: int = Field(10 * 2**20, ge=65536, description="Log kept for each instance.")
    memory_bytes: int = Field(512 * 2**20, ge=16 * 2**20, description="Memory of a container, swap included.")
    cpus: float = Field(
        default_factory=fair_share,
        ge=0.01,
        description="Processors that a container may fill; flooded, it leaves the rest to others.",
    )
    pids: int = Field(256, ge=8, description="Processes and threads of a container.")
    docker_egress: Literal["relay", "network"] = Field(
        "relay",
        description="How containers reach what they were granted: through a relay of the gateway's, "
        "without any network of their own, or by a network of the plugin's own, which holds nothing back.",
    )
    egress_connections: int = Field(
        128, ge=1, le=4096, description="Connections that an instance may have open through its relay."
    )
    egress_idle: float = Field(
        1800.0, gt=0, description="Silence in both directions after which the relay cuts a connection."
    )

    max_header_bytes: int = Field(64 * 2**10, ge=1024, description="Request headers; more answers 431.")
    max_body_bytes: int = Field(10 * 2**30, ge=1024, description="Request body; more answers 413.")
    unary_bytes: int = Field(
        2**20, ge=1024, description="Bodies up to this go through Handle, in one message."
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call plugins, by comma: https://app.example for every plugin, "
        "or PLUGIN=https://app.example for one; '*' is every origin. Never with cookies.",
    )
    cors_api_origins: str = Field(
        "", description="Origins whose pages may call the management API, with a token, by comma."
    )
    compression: Literal["on", "off"] = Field(
        "on", description="Whether answers of plugins are compressed for clients that take them so."
    )
    call_timeout: float = Field(60.0, gt=0, description="Deadline of a call until its answer begins.")
    stream_idle: float = Field(300.0, gt=0, description="Longest silence of a stream before it is cut.")
    oidc_issuer: str = Field(
        "", description="Issuer URL of the OpenID Connect provider that people sign in with; empty for none."
    )
    oidc_client_id: str = Field("", description="What this gateway is called there.")
    oidc_client_secret_file: Path | None = Field(
        None, description="File with the client's secret; none for a public client."
    )
    oidc_name: str = Field("single sign-on", description="What the sign-in page calls the provider.")
    oidc_scopes: str = Field("openid profile email", description="Scopes that are asked for, by space.")
    oidc_user_claim: str = Field(
        "email", description="Claim that names the user; one that people cannot choose for themselves."
    )
    oidc_role_claim: str = Field(
        "groups", description="Claim that roles follow from; with dots for one inside another."
    )
    oidc_roles: str = Field(
        "",
        description="Roles by values of that claim, by comma: VALUE=viewer|user|operator|admin; "
        "* is everybody.",
    )
    call_key_hours: float = Field(
        24.0, gt=0, description="Time for which one key signs who calls, towards plugins, in hours."
    )
    max_calls: int = Field(
        4096,
        ge=1,
        description="Calls to plugins that run at once; no plugin fills more than the half.",
    )
    max_streams: int = Field(
        8192,
        ge=0,
        description="Event streams and WebSockets beside those calls, over all plugins; no plugin has more "
        "than the half, and beyond that they count as calls.",
    )
    plugin_calls: int = Field(
        512,
        ge=1,
        description="Calls to one plugin at once, where 'plugway limits' says nothing else.",
    )
    shed_lag: float = Field(
        0.5,
        ge=0,
        description="Lag of the event loop, when it lasts, from which on some calls are refused with 503; "
        "0 refuses none.",
    )
    session_hours: float = Field(12.0, gt=0, description="Life of a browser session, in hours.")

    fetch_allow: str = Field(
        "",
        description="Hosts and CIDR ranges, by comma, that plugins may be fetched from though they are "
        "private addresses; plain HTTP is for these alone.",
    )
    fetch_ca_file: Path | None = Field(
        None, description="PEM file of certificates to trust beside the public ones, when fetching plugins."
    )
    fetch_timeout: float = Field(60.0, gt=0, description="Longest time that one fetch may take in all.")
    fetch_bytes: int = Field(256 * 2**20, ge=1024, description="Largest file that is fetched.")
    bundle_bytes: int = Field(
        2 * 2**30, ge=2**20, description="Largest bundle of plugins that is taken in, packed and unpacked."
    )
    oci_plain_http: str = Field(
        "",
        description="Image registries (host:port), by comma, that are spoken to without TLS; they have to "
        "be in fetch_allow as well. Loopback addresses need no mention here.",
    )
    oci_served_at: str = Field(
        "",
        description="Where registries are served that images name otherwise, by comma: NAME=HOST. Docker Hub "
        "is such a one.",
    )
    docker_config: Path | None = Field(
        None, description="Docker's config.json, for registry logins beside 'plugway registry login'."
    )
    npm_registry: str = Field("", description="URL of the npm registry; goes before the one in npm_config.")
    npm_config: Path | None = Field(
        None, description="File in the form of .npmrc: registries, also of scopes, and their tokens."
    )
    npm_signatures: Literal["required", "if-offered"] = Field(
        "if-offered", description="Whether an npm package needs a signature of its registry to be installed."
    )
    npm_keys: Path | None = Field(
        None,
        description="File with the keys of npm registries, as they give them at /-/npm/v1/keys. Only these "
        "count then; packages from bundles can be held against no others.",
    )
    cdn_unpinned: bool = Field(
        False, description="Whether a definition without a checksum may be fetched from a CDN."
    )

    catalogue_interval: float = Field(
        3600.0, ge=0, description="Pause between two looks at the catalogues; 0 looks only when asked."
    )

    @field_validator("cors_origins", "cors_api_origins")
    @classmethod
    def _are_origins(cls, value: str, info: ValidationInfo) -> str:
        for plugin, origin in _named_origins(value):
            if plugin and info.field_name != "cors_origins":
                raise ValueError(f"'{plugin}={origin}' names a plugin, which has no place here")
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"'{origin}' is no origin: it takes scheme://host or scheme://host:port in lower case, "
                    "without a default port, path or wildcard"
                )
        return value

    def origins_for(self, plugin: str) -> tuple[str, ...]:
        """Origins whose pages may call this plugin."""
        named = _named_origins(self.cors_origins)
        return tuple(sorted({origin for name, origin in named if name in ("", plugin)}))

    @property
    def api_origins(self) -> tuple[str, ...]:
        return tuple(origin for _, origin in _named_origins(self.cors_api_origins))

    source_interval: float = Field(
        0.0,
        ge=0,
        description="Pause between two looks at the tags and URLs that plugins were installed from, which "
        "fetches pages from CDNs anew; 0 looks only when asked.",
    )

    log: Literal["text", "json"] = Field(
        "text", description="Form of the gateway's log on stderr: lines for people, or JSON objects."
    )
    access_log: Literal["off", "errors", "all"] = Field(
        "errors",
        description="Calls that get a line in the log: those that failed (5xx, or broken off), all, or none.",
    )

    traces: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address of an OpenTelemetry collector (OTLP over HTTP, such as http://127.0.0.1:4318) "
        "that gets traces of calls; empty for none.",
    )
    traces_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the traces beginning at the gateway that is recorded; those that a caller "
        "began are recorded as the caller said.",
    )

    figures_step: float = Field(
        10.0, gt=0, description="Time between two points of the console's plots; a day's are 30 times that."
    )

    @property
    def secure(self) -> bool:
        """Browsers reach the gateway by https: cookies need not travel in the clear."""
        return self.serves_tls or self.public_url.startswith("https://")

    @property
    def serves_tls(self) -> bool:
        """This gateway itself speaks TLS on its port."""
        return self.tls != "off" or self.tls_certificate is not None or self.tls_key is not None

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.home.resolve() / 'plugway.db'}"

    def plugin_directories(self) -> list[Path]:
        """Where built-in plugins are looked for: what is shipped, then ``plugin_path``."""
        shipped = shipped_root() / "plugin_services"
        extra = [Path(part).resolve() for part in self.plugin_path.split(":") if part]
        return [shipped, shipped / "examples", *extra]
