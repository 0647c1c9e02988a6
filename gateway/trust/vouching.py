"""Which of a signer's keys count for a release, and why not. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from gateway.trust.envelope import Envelope
from gateway.trust.facts import Facts
from gateway.trust.keys import PublicKey
from gateway.trust.policy import KeyRule, Policy, SignerRule
from gateway.trust.refusal import Refused, Rule
from gateway.trust.statement import ReleaseLock
from gateway.trust.times import write_moment


def vouching_keys(
    name: str,
    signer: SignerRule,
    signed_by: Collection[PublicKey],
    lock: ReleaseLock,
    facts: Facts,
) -> tuple[str, ...]:
    """The ids of the signer's keys that count; raises :class:`Refused` where they do not suffice.

    ``signed_by`` are the keys whose signatures hold.
    """

    def refused(rule: Rule, detail: str, hint: str, keys: tuple[str, ...] = ()) -> Refused:
        return Refused(rule, detail, hint=hint, plugin=facts.plugin, signer=name, keys=keys)

    good, bad = [], []
    for rule in signer.keys:
        if rule.public in signed_by:
            problem = _problem(rule, lock.signed_at, facts.accepted_at)
            bad.append((rule, *problem)) if problem else good.append(rule.public.id)
    if len(good) < signer.threshold:
        if bad:
            rule, why, words, hint = bad[0]
            raise refused(why, f"The key {rule.public.id} of {name} {words}", hint, (rule.public.id,))
        raise refused(
            Rule.THRESHOLD,
            f"{name} has signed with {len(good)} of the {signer.threshold} different keys that are needed.",
            "Have another key holder sign it too: plugway sign --cosign.",
            tuple(good),
        )
    if not signer.has_plugin(facts.plugin):
        raise refused(
            Rule.SIGNER_PLUGINS,
            f"{name} may sign {', '.join(signer.plugins)}, not {facts.plugin}.",
            f"If it may: plugway policy trust {name} --plugins {facts.plugin}",
            tuple(good),
        )
    if facts.source not in signer.sources:
        raise refused(
            Rule.SIGNER_SOURCES,
            f"{name} is trusted from {', '.join(signer.sources)}, not from {facts.source.value}.",
            f"If it is: plugway policy trust {name} --sources {facts.source.value}",
            tuple(good),
        )
    if above := signer.permissions.exceeded_by(lock.granted):
        raise refused(
            Rule.SIGNER_PERMISSIONS,
            f"{facts.plugin} {facts.version} wants more than {name} may grant: {'; '.join(above)}.",
            f"If it may, raise the ceiling: plugway policy trust {name} --egress, --volumes or --csp.",
            tuple(good),
        )
    return tuple(good)


def _problem(
    rule: KeyRule, signed_at: datetime, accepted_at: datetime | None
) -> tuple[Rule, str, str] | None:
    """Why a key does not count, in words and with a hint. Judged at the time of signing."""
    revoked, until, since = rule.revoked, rule.valid_until, rule.valid_from
    resign = "Have the publisher sign the release with a key that is valid."
    # Whoever stole a key writes any time he likes; what this gateway saw itself he cannot move.
    if revoked and revoked.compromised and not (accepted_at and accepted_at < revoked.at):
        return Rule.KEY_REVOKED, f"was revoked as compromised: {revoked.reason}.", resign
    if revoked and not revoked.compromised and signed_at >= revoked.at:
        at = write_moment(revoked.at)
        return Rule.KEY_REVOKED, f"was retired at {at}, before this was signed: {revoked.reason}.", resign
    if since and signed_at < since:
        return Rule.KEY_NOT_YET_VALID, f"was valid only from {write_moment(since)} on.", resign
    if until and signed_at >= until:
        return Rule.KEY_EXPIRED, f"had expired at {write_moment(until)}, before this was signed.", resign
    return None


def nobody_known(policy: Policy, envelope: Envelope, facts: Facts) -> Refused:
    """No key of the policy has signed this: is it a stranger's, or was it changed?"""
    claimed = envelope.claimed_keys
    for key_id in claimed:
        if (owner := policy.owner_of(key_id)) is not None:
            return Refused(
                Rule.SIGNATURE,
                f"The signature that names {owner[0]}'s key {key_id} does not fit: the envelope was "
                f"changed, or somebody else made it.",
                hint="Get the release's envelope again from its publisher, and tell them.",
                plugin=facts.plugin,
                signer=owner[0],
                keys=(key_id,),
            )
    said = f" It names the key {', '.join(claimed)}." if claimed else ""
    return Refused(
        Rule.UNKNOWN_SIGNER,
        f"No signer in the policy has signed {facts.plugin} {facts.version}.{said}",
        hint=f"If you trust its publisher: plugway policy trust NAME --key FILE.pub --plugins {facts.plugin}",
        plugin=facts.plugin,
        keys=claimed,
    )
