"""Changing the policy: what ``plugway policy trust``, ``revoke`` and ``allow-unsigned`` do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from gateway.cli.connection import home
from gateway.cli.exits import Exit, failure
from gateway.cli.output import print_json, print_line
from gateway.trust.keys import PublicKey
from gateway.trust.policy import FILE, REVOKED_NAME, SIGNER_NAME, Policy, load_policy
from gateway.trust.policy_edit import (
    SignerChange,
    allow_unsigned,
    edit_policy,
    revoke_key,
    revoke_release,
    trust_signer,
)

_SHORTEST_ID = 8


def trust_publisher(name: str, wanted: SignerChange, as_json: bool) -> None:
    """Add to a signer, or make one, for which a key and a pattern are needed."""
    if not re.fullmatch(SIGNER_NAME, name):
        hint = "Small letters, digits, '.', '_' and '-'."
        raise failure(Exit.USAGE, f"'{name}' cannot be a name.", hint)
    if name not in load_policy(home()).signers and not (wanted.keys and wanted.plugins):
        hint = "Give --key FILE.pub and --plugins 'PATTERN'."
        raise failure(Exit.USAGE, f"{name} is not in the policy yet.", hint)
    changed = edit_policy(home(), trust_signer(name, wanted))
    _tell(f"{name} is trusted for {', '.join(changed.signers[name].plugins)}.", as_json)


def revoke_one(what: str, reason: str, *, at: datetime, retired: bool, as_json: bool) -> None:
    """Revoke a release by id or digest, or a key by its id or the beginning of it."""
    found = load_policy(home())
    if re.fullmatch(REVOKED_NAME, what):
        if retired:
            raise failure(Exit.USAGE, "Only keys are retired.", "Leave --retired out.")
        edit_policy(home(), revoke_release(what, at=at, reason=reason))
        _tell(f"The release {what} is revoked.", as_json, _running(found))
        return
    key = _key(found, what)
    edit_policy(home(), revoke_key(key, at=at, reason=reason, compromised=not retired))
    _tell(f"The key {key.id} is {'retired' if retired else 'revoked'}.", as_json, _running(found))


def let_in(plugins: Sequence[str], sources: Sequence[str], as_json: bool) -> None:
    """Let unsigned releases in."""
    edit_policy(home(), allow_unsigned(plugins, sources))
    _tell(f"Unsigned releases of {', '.join(plugins)} are let in.", as_json)


def _key(found: Policy, prefix: str) -> PublicKey:
    if not re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_ID},64}}", prefix):
        detail = f"'{prefix}' is no id of a key or a release, and no digest."
        raise failure(Exit.USAGE, detail, "See the ids: plugway policy show")
    keys = [rule.public for signer in found.signers.values() for rule in signer.keys]
    fitting = [key for key in keys if key.id.startswith(prefix)]
    if len(fitting) != 1:
        many = "More than one key in the policy begins" if fitting else "No key in the policy begins"
        raise failure(Exit.NOT_FOUND, f"{many} with {prefix}.", "See: plugway policy show")
    return fitting[0]


def _running(found: Policy) -> str:
    if found.revoked_running == "stop":
        return "What runs of it is stopped."
    return 'What runs of it is kept, and marked; set revoked_running = "stop" in policy.toml to stop it.'


def _tell(words: str, as_json: bool, more: str = "") -> None:
    if as_json:
        print_json({"changed": str(home() / FILE), "detail": words})
        return
    print_line(words)
    if more:
        print_line(f"  {more}")
