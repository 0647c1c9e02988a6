"""What the server would refuse of a policy in fewer words, or would quietly leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugway_sdk.web.problems import Refused

EXAMPLE = 'As in {"Version": "2012-10-17", "Statement": [ … ]}'
_STATEMENT = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def statements_of(document: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The statements, counted from one; raises Refused where there are none."""
    statements = document.get("Statement")
    if not isinstance(statements, list) or not statements:
        raise Refused("A policy needs a list of statements.", hint=EXAMPLE)
    for number, statement in enumerate(statements, 1):
        if not isinstance(statement, dict):
            raise Refused(
                f"Statement {number} is not an object.", hint='It looks like {"Effect": "Allow", … }'
            )
        yield number, statement


def check_document(document: dict[str, Any]) -> None:
    """A policy for users, groups and access keys; what it says in detail is for the server to judge."""
    if not document.get("Version"):
        raise Refused("A policy needs a version.", hint=EXAMPLE)
    _known(document, {"Version", "Id", "ID", "Statement"}, "A policy")
    for number, statement in statements_of(document):
        where = f"Statement {number}"
        if "Principal" in statement:
            raise Refused(
                f"{where} names a principal, which only policies of buckets do.",
                hint="This one counts for those that it is attached to: leave Principal out.",
            )
        _known(statement, _STATEMENT, where)
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise Refused(f"{where} needs an effect: Allow or Deny.")
        if not (statement.get("Action") or statement.get("NotAction")):
            raise Refused(f"{where} has no action.", hint='As in "Action": ["s3:GetObject"]')


def _known(part: dict[str, Any], names: set[str], what: str) -> None:
    odd = sorted(set(part) - names)
    if odd:
        raise Refused(
            f"{what} has a field '{odd[0]}', which MinIO would leave out.",
            hint=f"There are: {', '.join(sorted(names))}.",
        )
