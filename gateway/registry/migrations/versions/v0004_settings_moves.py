"""Settings go with the release: which instance of it is in use, and what was in force before a rollout."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("plugins", sa.Column("slot", sa.Integer, nullable=False, server_default="0"))
    op.add_column("rollouts", sa.Column("settings_before", sa.JSON(none_as_null=True)))
