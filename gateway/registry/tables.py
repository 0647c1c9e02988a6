"""The tables, in one dialect-free model. Migrations make them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

gateway = Table(
    "gateway",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    # Where gateway.clock.SteadyClock goes on from.
    Column("steady", String(100), nullable=False, server_default=""),
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("plugin_id", String(63), nullable=False, index=True),
    Column("release", JSON, nullable=False),
    Column("manifest", JSON(none_as_null=True)),
    Column("ui", JSON(none_as_null=True)),
    Column("acceptance", JSON(none_as_null=True)),
    Column("added_at", Float, nullable=False),
)

plugins = Table(
    "plugins",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("release_id", String(100), ForeignKey("releases.id"), nullable=False),
    Column("definition", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("secrets", Text, nullable=False),
    Column("settings_version", Integer, nullable=False),
    Column("settings_revision", Integer, nullable=False),
    Column("installed_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("rollout_defaults", JSON, nullable=False, server_default="{}"),
    Column("slot", Integer, nullable=False, server_default="0"),
    Column("limits", JSON, nullable=False, server_default="{}"),
)

version_floors = Table(
    "version_floors",
    metadata,
    # No foreign key: it outlives the plugin.
    Column("plugin_id", String(63), primary_key=True),
    Column("version", String(128), nullable=False),
    Column("release_id", String(100), nullable=False),
    Column("raised_at", Float, nullable=False),
)

instances = Table(
    "instances",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("plugin_id", String(63), ForeignKey("plugins.id"), nullable=False, index=True),
    Column("release_id", String(100), ForeignKey("releases.id"), nullable=False),
    Column("ownership", String(32), nullable=False),
    Column("runtime", String(32), nullable=False),
    Column("endpoint", JSON(none_as_null=True)),
    Column("lease_until", Float, nullable=False),
    Column("settings_revision", Integer, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("plugin_id", String(63), ForeignKey("plugins.id"), nullable=False, index=True),
    Column("live", Boolean, nullable=False),
    Column("document", JSON, nullable=False),
    # With its secrets encrypted, as those of a plugin are.
    Column("settings_before", JSON(none_as_null=True)),
    Column("timeline", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(63), nullable=False),
    # SHA-256 of the secret, in hexadecimal.
    Column("digest", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("grants", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    UniqueConstraint("name"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False, index=True),
    # One JSON object, as gateway.registry.audit_chain links it.
    Column("entry", Text, nullable=False),
)
