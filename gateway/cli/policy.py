"""``plugway policy``: whose releases may run here.

What the commands need takes longer to load than most others take to run, so it is loaded in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command import JsonOption, guarded
from gateway.cli.policy_change import allow, revoke, trust

policy = typer.Typer(
    no_args_is_help=True, help="Show and change whose releases may run: policy.toml in PLUGWAY_HOME."
)
policy.command()(trust)
policy.command()(revoke)
policy.command("allow-unsigned")(allow)


@policy.command()
def show(as_json: JsonOption = False) -> None:
    """Print the policy, with the id and state of every key."""

    def act() -> None:
        from gateway.cli.policy_words import show_policy

        show_policy(as_json)

    raise typer.Exit(guarded(act, as_json))


@policy.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The one in PLUGWAY_HOME if left out.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a policy holds, and say what in it may not be meant.

    Ends with 6 where it does not hold. What may not be meant does not change the exit code.
    """

    def act() -> None:
        from gateway.cli.policy_words import check_policy

        check_policy(file, as_json)

    raise typer.Exit(guarded(act, as_json))
