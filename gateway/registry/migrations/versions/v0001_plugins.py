"""Plugins and their releases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    gateway = op.create_table(
        "gateway",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateway"),
    )
    op.bulk_insert(gateway, [{"id": 1, "epoch": 0}])
    op.create_table(
        "releases",
        sa.Column("id", sa.String(100)),
        sa.Column("plugin_id", sa.String(63), nullable=False),
        sa.Column("release", sa.JSON, nullable=False),
        sa.Column("manifest", sa.JSON),
        sa.Column("ui", sa.JSON),
        sa.Column("added_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
    )
    op.create_index("ix_releases_plugin_id", "releases", ["plugin_id"])
    op.create_table(
        "plugins",
        sa.Column("id", sa.String(63)),
        sa.Column("release_id", sa.String(100), nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("settings_version", sa.Integer, nullable=False),
        sa.Column("settings_revision", sa.Integer, nullable=False),
        sa.Column("installed_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plugins"),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name="fk_plugins_release_id"),
    )
