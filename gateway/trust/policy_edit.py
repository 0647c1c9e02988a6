"""Changes of ``policy.toml`` that keep its comments and never leave a file that does not hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import NotFound
from gateway.home import Home
from gateway.trust.keys import PublicKey
from gateway.trust.policy import FILE, BadPolicy, Policy, load_policy, parse_policy

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Change = Callable[["TOMLDocument"], None]

_HEAD = """\
# Whose releases may run here, and what they may do (docs/trust.md).
# Edit by hand or with plugway policy; look at it with: plugway policy check

policy = 1
"""


class NotInPolicy(NotFound):
    """The policy has no such key or signer."""

    key, title = "not-in-policy", "Not in the trust policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerChange:
    """What is added to a signer, or a new one made of; ``threshold`` 0 leaves it as it is."""

    keys: Sequence[PublicKey] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    plugins: Sequence[str] = ()
    sources: Sequence[str] = ()
    threshold: int = 0
    egress: Sequence[str] = ()
    volumes: Sequence[str] = ()
    csp: Mapping[str, Sequence[str]] = field(default_factory=dict)


def edit_policy(home: Path, change: Change) -> Policy:
    """Apply ``change`` and write the file whole, mode 0600; raises :class:`BadPolicy`. Blocking.

    One editor at a time; where the result would not hold, the old file stays.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = home / FILE
    with _alone(home):
        load_policy(home)
        if path.is_symlink():
            raise BadPolicy(f"{path} is a link, which a change would replace.", hint="Edit its target.")
        text = path.read_text() if path.exists() else _HEAD
        try:
            document = tomlkit.parse(text)
            change(document)
            text = tomlkit.dumps(document)
        except TOMLKitError as error:
            raise BadPolicy(f"{path} could not be changed: {error}.", hint="Edit it by hand.") from error
        policy = _still_holds(text)
        Home(home).write_private(FILE, text)
    return policy


def _still_holds(text: str) -> Policy:
    try:
        return parse_policy(text.encode(), where="The changed policy")
    except BadPolicy as error:
        raise BadPolicy(error.detail, fields=error.fields, hint="Nothing was changed.") from None


def trust_signer(name: str, wanted: SignerChange) -> Change:
    """A new signer, or more keys, plugins, sources and rights for one that is there."""

    def change(document: TOMLDocument) -> None:
        import tomlkit

        signers = _table(document, "signers")
        new = name not in signers
        signer = _table(signers, name)
        if wanted.threshold:
            signer["threshold"] = wanted.threshold
        _add(signer, "plugins", wanted.plugins, set_new=True)
        # Left out means all: to write some down for a signer who has all would take the rest away.
        _add(signer, "sources", wanted.sources, set_new=new)
        if wanted.egress or wanted.volumes or wanted.csp:
            ceiling = _table(signer, "permissions")
            _add(ceiling, "egress", wanted.egress, set_new=True)
            _add(ceiling, "volumes", wanted.volumes, set_new=new)
            for directive, origins in wanted.csp.items():
                _add(_table(ceiling, "csp"), directive, origins, set_new=True)
        held = {str(entry.get("public", "")) for entry in signer.get("keys", ())}
        for key in wanted.keys:
            if key.line in held:
                continue
            entry = {"public": key.line, "valid_from": wanted.valid_from, "valid_until": wanted.valid_until}
            _append(signer, "keys", {field: value for field, value in entry.items() if value is not None})
        if new and not wanted.keys:
            signer.setdefault("keys", tomlkit.array())

    return change


def revoke_key(key: PublicKey, *, at: datetime, reason: str, compromised: bool) -> Change:
    """Mark the key as revoked; raises :class:`NotInPolicy`."""
    from gateway.trust.keys import parse_public

    def change(document: TOMLDocument) -> None:
        for signer in document.get("signers", {}).values():
            for entry in signer.get("keys", ()):
                if parse_public(str(entry["public"])) == key:
                    entry["revoked"] = _inline({"at": at, "reason": reason, "compromised": compromised})
                    return
        raise NotInPolicy(f"No signer has the key {key.id}.", hint="See: plugway policy show")

    return change


def revoke_release(release: str, *, at: datetime, reason: str) -> Change:
    """Refuse a release by id or digest."""

    def change(document: TOMLDocument) -> None:
        _append(document, "revoked_releases", {"release": release, "at": at, "reason": reason})

    return change


def allow_unsigned(plugins: Sequence[str], sources: Sequence[str]) -> Change:
    """Let unsigned releases of these plugins in, from these sources; from all where there are none."""

    def change(document: TOMLDocument) -> None:
        entry: dict[str, Any] = {"plugins": list(plugins)}
        _append(document, "allow_unsigned", entry | ({"sources": list(sources)} if sources else {}))

    return change


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Held while the file is changed; the lock is on the directory, so that no file is left."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _table(parent: Any, name: str) -> Any:
    import tomlkit

    if name not in parent:
        parent[name] = tomlkit.table()
    return parent[name]


def _add(table: Any, name: str, values: Sequence[str], *, set_new: bool) -> None:
    """Add to a list; where there is none yet, make one only if ``set_new``."""
    if not values or (name not in table and not set_new):
        return
    have = [str(value) for value in table.get(name, ())]
    table[name] = have + [value for value in dict.fromkeys(values) if value not in have]


def _append(table: Any, name: str, entry: Mapping[str, Any]) -> None:
    """Append to a list of tables, in whichever of TOML's two ways it is written."""
    import tomlkit
    from tomlkit.items import AoT

    if name not in table:
        table[name] = tomlkit.aot()
    if isinstance(table[name], AoT):
        made = tomlkit.table()
        made.update(entry)
        table[name].append(made)
    else:
        table[name].append(_inline(entry))


def _inline(entry: Mapping[str, Any]) -> Any:
    import tomlkit

    made = tomlkit.inline_table()
    made.update(entry)
    return made
