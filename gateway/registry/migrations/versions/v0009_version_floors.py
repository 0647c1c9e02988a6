"""The highest version of each plugin that was ever in use, which outlives the plugin."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from gateway.semver import is_version

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    floors = op.create_table(
        "version_floors",
        sa.Column("plugin_id", sa.String(63)),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("release_id", sa.String(100), nullable=False),
        sa.Column("raised_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("plugin_id", name="pk_version_floors"),
    )
    rows = list(_in_use())
    if rows:
        op.bulk_insert(floors, rows)


def _in_use() -> Iterator[dict[str, Any]]:
    """What earlier gateways compared with: the version in use. Of what was there before nothing is known."""
    releases = sa.table("releases", sa.column("id"), sa.column("release", sa.JSON))
    plugins = sa.table("plugins", sa.column("id"), sa.column("release_id"), sa.column("updated_at"))
    found = sa.select(plugins, releases.c.release).join(releases, plugins.c.release_id == releases.c.id)
    for id_, release_id, updated_at, release in op.get_bind().execute(found):
        exempt = release["source"] == "built-in" or release["artifact"]["kind"] == "remote"
        if not exempt and is_version(release["version"]):
            yield {
                "plugin_id": id_,
                "version": release["version"],
                "release_id": release_id,
                "raised_at": updated_at,
            }
