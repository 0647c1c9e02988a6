"""Rollouts, how a plugin wants them by default, and the steady time that their deadlines are in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(100)),
        sa.Column("plugin_id", sa.String(63), nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("timeline", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollouts"),
        sa.ForeignKeyConstraint(["plugin_id"], ["plugins.id"], name="fk_rollouts_plugin_id"),
    )
    op.create_index("ix_rollouts_plugin_id", "rollouts", ["plugin_id"])
    op.add_column("plugins", sa.Column("rollout_defaults", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("gateway", sa.Column("steady", sa.String(100), nullable=False, server_default=""))
