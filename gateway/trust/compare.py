"""A lock against what is really here: same plugin, same version, same files, no more rights. Pure."""

from __future__ import annotations

from collections.abc import Collection

from gateway.model import Permissions
from gateway.page_origins import page_origin_words
from gateway.trust.facts import Facts
from gateway.trust.refusal import Refused, Rule
from gateway.trust.statement import Statement
from gateway.trust.subjects import Subjects, role_of

_NAMED = 5
_AGAIN = "Fetch the release again. If it stays so, tell its publisher, and do not install it."


def compare_with_lock(statement: Statement, facts: Facts) -> None:
    """Raises :class:`Refused` at the first thing that is not as it was signed."""
    lock = statement.lock
    if lock.plugin != facts.plugin:
        raise _refused(Rule.OTHER_PLUGIN, f"What was signed is {lock.plugin}, not {facts.plugin}.", facts)
    if lock.version != facts.version:
        detail = f"What was signed is {facts.plugin} {lock.version}, not {facts.version}."
        raise _refused(Rule.OTHER_VERSION, detail, facts)
    if facts.ui_type is not None and lock.ui_type is not facts.ui_type:
        detail = f"What was signed has a UI of type {lock.ui_type.value}, not {facts.ui_type.value}."
        raise _refused(Rule.OTHER_UI, detail, facts)
    if facts.contract and lock.contract and lock.contract != facts.contract:
        detail = f"{facts.plugin} {facts.version} speaks another contract than the one that was signed."
        raise _refused(Rule.OTHER_CONTRACT, detail, facts)
    compare_subjects(statement.subjects, facts.subjects, facts, unseen=facts.unseen)
    compare_permissions(statement, facts)


def compare_subjects(
    listed: Subjects, found: Subjects, facts: Facts, *, unseen: Collection[str] = ()
) -> None:
    """The lists have to be equal; ``unseen`` roles may be listed without being found."""
    if more := sorted(found.keys() - listed.keys()):
        detail = f"The lock does not list {_names(more)}."
        raise _refused(Rule.FILE_NOT_LISTED, detail, facts)
    missing = sorted(
        name
        for name in listed.keys() - found.keys()
        if not (role_of(name) in unseen and not any(role_of(other) == role_of(name) for other in found))
    )
    if missing:
        raise _refused(Rule.FILE_MISSING, f"The lock lists what is not here: {_names(missing)}.", facts)
    if not found:
        raise _refused(Rule.FILE_MISSING, "There is no file to hold against the lock.", facts)
    if changed := sorted(name for name in found if found[name] != listed[name]):
        detail = f"Not what was signed: {_names(changed)}."
        raise _refused(Rule.FILE_CHANGED, detail, facts)


def compare_permissions(statement: Statement, facts: Facts) -> None:
    """What the release wants has to be in its lock."""
    if wanted := _words(facts.permissions.exceeds(statement.lock.granted)):
        detail = f"{facts.plugin} {facts.version} wants what its lock does not hold: {'; '.join(wanted)}."
        raise _refused(Rule.PERMISSIONS_BEYOND_LOCK, detail, facts)


def _words(permissions: Permissions) -> list[str]:
    connects = [f"connect to {target}" for target in permissions.egress]
    volumes = [f"keep the volume {name}" for name in permissions.volumes]
    return connects + volumes + [page_origin_words(origin) for origin in permissions.origins]


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _refused(rule: Rule, detail: str, facts: Facts) -> Refused:
    return Refused(rule, detail, hint=_AGAIN, plugin=facts.plugin)
