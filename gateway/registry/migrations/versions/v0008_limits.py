"""How often and how many at once a plugin may be called, as its operator wants it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("plugins", sa.Column("limits", sa.JSON, nullable=False, server_default="{}"))
