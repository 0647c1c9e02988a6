"""What holds in a policy but is probably not meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.trust.policy import KeyRule, Policy


def key_state(rule: KeyRule, now: datetime) -> str:
    """How the key stands at ``now``: valid, revoked, retired, expired or not yet valid."""
    if rule.revoked is not None and (rule.revoked.compromised or now >= rule.revoked.at):
        return "revoked" if rule.revoked.compromised else "retired"
    if rule.valid_until is not None and now >= rule.valid_until:
        return "expired"
    if rule.valid_from is not None and now < rule.valid_from:
        return "not yet valid"
    return "valid"


def review_policy(policy: Policy, now: datetime) -> tuple[str, ...]:
    """A sentence for each thing worth a second look."""
    return tuple(_findings(policy, now))


def _findings(policy: Policy, now: datetime) -> Iterator[str]:
    if not policy.signers and not policy.allow_unsigned:
        yield "No signer is known, so nothing from elsewhere can be installed."
    for name, signer in policy.signers.items():
        valid = sum(key_state(rule, now) == "valid" for rule in signer.keys)
        if valid < signer.threshold:
            yield (
                f"{name} needs {signer.threshold} keys to sign and has {valid} that are valid now: "
                f"new releases of theirs will be refused."
            )
        if "*" in signer.plugins:
            yield f"{name} may sign plugins of any name."
    for rule in policy.allow_unsigned:
        if "*" in rule.plugins:
            sources = ", ".join(source.value for source in rule.sources)
            yield f"Unsigned plugins of any name are let in from {sources}."
