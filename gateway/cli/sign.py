"""``plugway sign``: vouch for a release, so that gateways that trust the key will run it."""

from __future__ import annotations

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.option_groups import takes_fields
from gateway.cli.sign_options import Options


@takes_fields("said", Options)
def sign(*, said: Options, as_json: JsonOption = False) -> None:
    """Sign a release: every file of it, and what the plugin may do.

    Writes a DSSE envelope with an in-toto statement, which goes beside the release wherever that is
    offered. Nothing is uploaded. With --cosign a further key holder signs what was signed already,
    after a look at the same files.
    """

    def act() -> None:
        # What it needs takes longer to load than most commands take to run.
        from gateway.cli.sign_release import sign_release

        sign_release(said, as_json)

    raise typer.Exit(guarded(act, as_json))
