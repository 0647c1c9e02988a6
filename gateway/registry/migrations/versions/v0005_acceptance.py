"""Releases from elsewhere: who vouched for them, and by which rule they were let in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("releases", sa.Column("acceptance", sa.JSON(none_as_null=True)))
