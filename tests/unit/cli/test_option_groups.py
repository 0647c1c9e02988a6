"""Options that a command gets as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.option_groups import takes_fields


@dataclass(frozen=True, kw_only=True)
class Group:
    key: Annotated[str, typer.Option("--key")]
    names: Annotated[list[str], typer.Option("--name")] = field(default_factory=list)


APP = typer.Typer()


@APP.command()
@takes_fields("group", Group)
def show(what: str, *, group: Group, loud: bool = False) -> None:
    typer.echo(f"{what} {group} {loud}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x", "--key", "k"], "x Group(key='k', names=[]) False"),
        (
            ["x", "--key", "k", "--name", "a", "--name", "b", "--loud"],
            "x Group(key='k', names=['a', 'b']) True",
        ),
    ],
    ids=["defaults", "all"],
)
def test_a_command_gets_its_options_as_one_value(words: list[str], told: str) -> None:
    assert CliRunner().invoke(APP, words).output.strip() == told


def test_a_field_without_a_default_is_an_option_that_must_be_given() -> None:
    result = CliRunner().invoke(APP, ["x"])
    assert result.exit_code == 2
    assert "--key" in result.output
