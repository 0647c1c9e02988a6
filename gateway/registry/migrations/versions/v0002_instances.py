"""Instances that the gateway means to exist."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.String(200)),
        sa.Column("plugin_id", sa.String(63), nullable=False),
        sa.Column("release_id", sa.String(100), nullable=False),
        sa.Column("ownership", sa.String(32), nullable=False),
        sa.Column("runtime", sa.String(32), nullable=False),
        sa.Column("endpoint", sa.JSON),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("settings_revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
        sa.ForeignKeyConstraint(["plugin_id"], ["plugins.id"], name="fk_instances_plugin_id"),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name="fk_instances_release_id"),
    )
    op.create_index("ix_instances_plugin_id", "instances", ["plugin_id"])
