"""Whether a release may run: the one place where policy, proof and facts meet. Pure.

``now`` is an aware time. Nothing is fetched. With ``facts.accepted_at`` neither the lock's expiry nor the
version floor can stop what already runs here, but a revocation can. The largest envelopes take half
a second, so this is called in a thread (:mod:`gateway.trust.admit` does). What can be seen only once
the plugin runs is judged by :mod:`gateway.trust.running`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import Source
from gateway.page_origins import page_origin_words
from gateway.semver import version_key
from gateway.trust.compare import compare_with_lock
from gateway.trust.envelope import Envelope, parse_envelope, require_type, verifying_keys
from gateway.trust.facts import Facts
from gateway.trust.policy import Policy, RevokedRelease
from gateway.trust.refusal import Refused, Rule
from gateway.trust.statement import Statement, parse_statement
from gateway.trust.times import write_moment
from gateway.trust.vouching import nobody_known, vouching_keys

CLOCKS_DIFFER = timedelta(minutes=10)
"""How far a signer's clock may be ahead of the gateway's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a release may run. ``verified`` is False where only the policy's leave lets it.

    ``keys`` are ids; ``words`` is a sentence for people. ``statement`` is None without a signature.
    """

    verified: bool
    rule: Rule
    words: str
    signer: str = ""
    keys: tuple[str, ...] = ()
    statement: Statement | None = None


def judge(policy: Policy, envelope: bytes | None, facts: Facts, now: datetime) -> Verdict:
    """Raises :class:`Refused` where the release may not run, and nothing else."""
    if (revoked := _revoked(policy, facts)) is not None:
        raise _release_revoked(revoked, facts)
    _not_below_floor(facts)
    if facts.source is Source.BUILT_IN:
        words = "Shipped with the gateway or laid in its plugin path by the operator."
        return Verdict(verified=True, rule=Rule.BUILT_IN, words=words)
    if facts.source is Source.REMOTE:
        _endpoint_allowed(policy, facts)
        if not facts.subjects:
            words = "Not verified: somebody else runs it, and the gateway holds none of its files."
            return Verdict(verified=False, rule=Rule.REMOTE_ENDPOINT, words=words)
    if envelope is None:
        return _unsigned(policy, facts)
    return _signed(policy, parse_envelope(envelope), facts, now)


def _revoked(policy: Policy, facts: Facts) -> RevokedRelease | None:
    names = {facts.release, *facts.subjects.values()}
    return next((r for r in policy.revoked_releases if r.release in names), None)


def _not_below_floor(facts: Facts) -> None:
    """An old release with its good old signature is still an old release. What has no version that could
    be compared counts as one."""
    if not facts.floor or facts.accepted_at is not None:
        return
    try:
        below = version_key(facts.version) < version_key(facts.floor)
    except ValueError:
        below = True
    if below:
        raise Refused(
            Rule.DOWNGRADE,
            f"{facts.plugin} {facts.version} is older than {facts.floor}, the highest version of it that was "
            "in use here.",
            hint=f"Install {facts.floor} or newer. A release that is kept here is reached by: "
            f"plugway rollback {facts.plugin}. To go below all the same: --allow-downgrade.",
            plugin=facts.plugin,
        )


def _endpoint_allowed(policy: Policy, facts: Facts) -> None:
    if policy.remote_endpoints == "refuse":
        raise Refused(
            Rule.REMOTE_ENDPOINT,
            f"{facts.plugin} runs at an endpoint elsewhere, and the policy refuses those.",
            hint='Install a signed release, or set remote_endpoints = "allow" in policy.toml.',
            plugin=facts.plugin,
        )


def _unsigned(policy: Policy, facts: Facts) -> Verdict:
    if policy.allows_unsigned(facts.plugin, facts.source) and facts.permissions.origins:
        # A ceiling belongs to a signer, and here is none whose it could be.
        raise Refused(
            Rule.SIGNER_PERMISSIONS,
            f"{facts.plugin} {facts.version} is not signed, and so its page may not "
            f"{page_origin_words(facts.permissions.origins[0])}.",
            hint="Have its publisher sign it (plugway sign), and let that signer: "
            "plugway policy trust NAME --csp.",
            plugin=facts.plugin,
        )
    if policy.allows_unsigned(facts.plugin, facts.source):
        words = f"Not verified: {_what(facts)}unsigned, let in by allow_unsigned in policy.toml."
        return Verdict(verified=False, rule=Rule.ALLOWED_UNSIGNED, words=words)
    if facts.claimed.startswith("sha256:"):
        raise Refused(
            Rule.DIGEST_IS_NO_SIGNATURE,
            f"{_named(facts)} is not signed: its 'signature' is a digest, which anybody can compute.",
            hint="Move it to 'checksum', and have the publisher sign the release: plugway sign.",
            plugin=facts.plugin,
        )
    raise Refused(
        Rule.UNSIGNED,
        f"{_named(facts)} from {facts.source.value} is not signed.",
        hint="Have the publisher sign it (plugway sign), or let it in unsigned: plugway policy "
        f"allow-unsigned --plugins {facts.plugin} --sources {facts.source.value}",
        plugin=facts.plugin,
    )


def _what(facts: Facts) -> str:
    return "its page is " if facts.source is Source.REMOTE else ""


def _named(facts: Facts) -> str:
    page = "The page of " if facts.source is Source.REMOTE else ""
    return f"{page}{facts.plugin} {facts.version}"


def _behind(facts: Facts) -> str:
    """A signature is of bytes; what a server answers tomorrow nobody can sign today."""
    if facts.source is not Source.REMOTE:
        return ""
    return " That is its page only: nobody vouches for the API behind it, which somebody else runs."


def _signed(policy: Policy, envelope: Envelope, facts: Facts, now: datetime) -> Verdict:
    require_type(envelope)
    known = [rule.public for signer in policy.signers.values() for rule in signer.keys]
    signed_by = verifying_keys(envelope, known)
    if not signed_by:
        raise nobody_known(policy, envelope, facts)
    statement = parse_statement(envelope.payload)
    compare_with_lock(statement, facts)
    _not_untimely(statement, facts, now)
    refusals = []
    for name, signer in policy.signers.items():
        if not any(rule.public in signed_by for rule in signer.keys):
            continue
        try:
            keys = vouching_keys(name, signer, signed_by, statement.lock, facts)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        return Verdict(
            verified=True,
            rule=Rule.SIGNED,
            words=f"Signed by {name} at {write_moment(statement.lock.signed_at)}.{_behind(facts)}",
            signer=name,
            keys=keys,
            statement=statement,
        )
    raise refusals[0]


def _not_untimely(statement: Statement, facts: Facts, now: datetime) -> None:
    lock = statement.lock
    seen = facts.accepted_at or now
    if lock.signed_at - seen > CLOCKS_DIFFER:
        raise Refused(
            Rule.SIGNED_IN_FUTURE,
            f"The lock says that it was signed at {write_moment(lock.signed_at)}, which is yet to come.",
            hint="Set the clock of the gateway or of the publisher right.",
            plugin=facts.plugin,
        )
    if lock.expires is not None and seen >= lock.expires:
        raise Refused(
            Rule.LOCK_EXPIRED,
            f"The lock of {facts.plugin} {facts.version} was for installs until "
            f"{write_moment(lock.expires)}.",
            hint="Install a newer release, or have the publisher sign this one again.",
            plugin=facts.plugin,
        )


def _release_revoked(revoked: RevokedRelease, facts: Facts) -> Refused:
    return Refused(
        Rule.RELEASE_REVOKED,
        f"{facts.plugin} {facts.version} was revoked at {write_moment(revoked.at)}: {revoked.reason}.",
        hint="Install another release of it. To take the revocation back, edit policy.toml.",
        plugin=facts.plugin,
    )
