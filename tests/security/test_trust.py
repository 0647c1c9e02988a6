"""Attacks on signatures and locks, each with the rule that stops it (SECURITY, "signatures", "digests")."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.model import Permissions, Source
from gateway.trust.envelope import PAYLOAD_TYPE, Signature, dump_envelope, sign_payload, verifying_keys
from gateway.trust.facts import Facts
from gateway.trust.judge import judge
from gateway.trust.policy import Policy
from gateway.trust.refusal import Refused, Rule
from gateway.trust.standing import Course, standing
from gateway.trust.statement import make_statement
from tests.signing import (
    DAY,
    IMAGE,
    NOW,
    ONE,
    OTHER,
    STRANGER,
    TWO,
    envelope,
    facts,
    lock,
    policy,
    signed,
    signer,
)


def refusal(
    proof: bytes | None, trusted: Policy | None = None, found: Facts | None = None, later: Any = 0
) -> Refused:
    with pytest.raises(Refused) as caught:
        judge(trusted or policy(), proof, found or facts(), NOW + later * DAY)
    problem = caught.value.problem()
    assert problem["rule"] == problem["reason"] == caught.value.rule.value
    assert problem["hint"]
    assert problem["type"] == "urn:plugway:problem:release-refused"
    return caught.value


def test_a_good_signature_is_verified_and_says_by_whom() -> None:
    verdict = judge(policy(), envelope(), facts(), NOW)
    assert (verdict.verified, verdict.rule, verdict.signer) == (True, Rule.SIGNED, "acme")
    assert verdict.keys == (ONE.public.id,)
    assert verdict.words == "Signed by acme at 2026-05-31T12:00:00Z."
    assert verdict.statement is not None
    assert verdict.statement.subjects == {"image": IMAGE}


def test_a_stranger() -> None:
    refused = refusal(envelope(STRANGER))
    assert (refused.rule, refused.keys) == (Rule.UNKNOWN_SIGNER, (STRANGER.public.id,))
    assert "plugway policy trust NAME" in refused.hint


def test_a_stranger_under_the_id_of_a_known_key() -> None:
    made = signed(STRANGER)
    forged = replace(made, signatures=(Signature(ONE.public.id, made.signatures[0].signature),))
    refused = refusal(dump_envelope(forged))
    assert (refused.rule, refused.signer, refused.keys) == (Rule.SIGNATURE, "acme", (ONE.public.id,))


def test_contents_swapped_under_a_good_signature() -> None:
    other = make_statement({"image": OTHER}, lock())
    swapped = replace(signed(), payload=other)
    assert refusal(dump_envelope(swapped), found=facts(subjects={"image": OTHER})).rule is Rule.SIGNATURE


@pytest.mark.parametrize("key_id", ["", "unknown", "a" * 256])
def test_a_key_id_is_only_a_hint(key_id: str) -> None:
    made = signed()
    other = replace(made, signatures=(Signature(key_id, made.signatures[0].signature),))
    assert judge(policy(), dump_envelope(other), facts(), NOW).keys == (ONE.public.id,)


def test_an_absent_key_id() -> None:
    document = json.loads(envelope())
    del document["signatures"][0]["keyid"]
    assert judge(policy(), json.dumps(document).encode(), facts(), NOW).verified
    document["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    assert refusal(json.dumps(document).encode()).rule is Rule.UNKNOWN_SIGNER


def test_the_payload_type_is_signed_and_checked() -> None:
    payload = make_statement({"image": IMAGE}, lock())
    other = sign_payload(payload, [ONE], "application/json")
    assert refusal(dump_envelope(other)).rule is Rule.PAYLOAD_TYPE
    # The type is part of what is signed: put right afterwards, the signature breaks.
    renamed = replace(other, payload_type=PAYLOAD_TYPE)
    assert refusal(dump_envelope(renamed)).rule is Rule.SIGNATURE


TWO_OF_TWO = {"acme": signer(ONE, TWO, threshold=2)}


def test_a_threshold_takes_different_keys() -> None:
    both = Policy.model_validate({"signers": TWO_OF_TWO})
    assert judge(both, envelope(ONE, TWO), facts(), NOW).keys == (ONE.public.id, TWO.public.id)
    refused = refusal(envelope(ONE), both)
    assert (refused.rule, refused.keys) == (Rule.THRESHOLD, (ONE.public.id,))


def test_one_key_twice_under_two_ids_counts_once() -> None:
    both = Policy.model_validate({"signers": TWO_OF_TWO})
    made = signed(ONE)
    signature = made.signatures[0].signature
    for ids in ((ONE.public.id, TWO.public.id), ("a", "b"), (ONE.public.id, ONE.public.id)):
        twice = replace(made, signatures=tuple(Signature(id_, signature) for id_ in ids))
        assert refusal(dump_envelope(twice), both).rule is Rule.THRESHOLD


def test_one_key_listed_twice_counts_once() -> None:
    same = [ONE.public, ONE.public]
    assert verifying_keys(signed(ONE), same) == (ONE.public,)
    with pytest.raises(ValueError, match="the same key stands here twice"):
        policy(signer(ONE, ONE))


def test_the_right_signer_for_another_plugin() -> None:
    assert refusal(envelope(said=lock(plugin="acme-mail"))).rule is Rule.OTHER_PLUGIN
    other = {"acme": signer(plugins=["acme-mail"])}
    refused = refusal(envelope(), Policy.model_validate({"signers": other}))
    assert (refused.rule, refused.signer) == (Rule.SIGNER_PLUGINS, "acme")


def test_a_signer_from_a_source_that_is_not_theirs() -> None:
    refused = refusal(envelope(), policy(signer(sources=["npm"])))
    assert refused.rule is Rule.SIGNER_SOURCES


def test_another_version_under_a_good_lock() -> None:
    assert refusal(envelope(), found=facts(version="1.3.0")).rule is Rule.OTHER_VERSION


def test_an_old_lock_and_its_old_files_are_replayed() -> None:
    assert judge(policy(), envelope(), facts(floor="1.2.0"), NOW).verified
    for floor in ("1.2.1", "2.0.0-rc.1"):
        refused = refusal(envelope(), found=facts(floor=floor))
        assert refused.rule is Rule.DOWNGRADE
    assert judge(policy(), envelope(), facts(floor="9.0.0", accepted_at=NOW), NOW).verified


@pytest.mark.parametrize("source", [Source.BUILT_IN, Source.REMOTE, Source.NPM])
def test_the_floor_holds_for_every_source(source: Source) -> None:
    loose = policy(allow_unsigned=[{"plugins": ["*"]}])
    assert refusal(None, loose, facts(source=source, floor="1.2.1")).rule is Rule.DOWNGRADE


def test_an_expired_lock_stops_installs_and_not_what_runs() -> None:
    proof = envelope(said=lock(expires=NOW))
    assert refusal(proof).rule is Rule.LOCK_EXPIRED
    assert judge(policy(), proof, facts(), NOW - DAY / 2).verified
    assert judge(policy(), proof, facts(accepted_at=NOW - DAY / 2), NOW + 900 * DAY).verified


def test_a_lock_from_the_future() -> None:
    assert refusal(envelope(said=lock(signed_at=NOW + DAY))).rule is Rule.SIGNED_IN_FUTURE


def key(**more: Any) -> dict[str, Any]:
    return {"public": ONE.public.line, **more}


def revoked(days: float, compromised: bool) -> dict[str, Any]:
    return key(revoked={"at": NOW + days * DAY, "reason": "lost", "compromised": compromised})


@pytest.mark.parametrize(
    ("rule_of_key", "expected"),
    [
        (key(valid_until=NOW - 2 * DAY), Rule.KEY_EXPIRED),
        (key(valid_until=NOW - DAY), Rule.KEY_EXPIRED),
        (key(valid_until=NOW - DAY / 2), None),
        (key(valid_from=NOW), Rule.KEY_NOT_YET_VALID),
        (key(valid_from=NOW - DAY), None),
        (revoked(-0.5, compromised=True), Rule.KEY_REVOKED),
        (revoked(-9, compromised=True), Rule.KEY_REVOKED),
        (revoked(-0.5, compromised=False), None),
        (revoked(-1, compromised=False), Rule.KEY_REVOKED),
    ],
)
def test_a_key_is_judged_at_signing_time(rule_of_key: dict[str, Any], expected: Rule | None) -> None:
    """Signed a day before NOW; judged a year later, long after every expiry."""
    trusted = policy(signer(rule_of_key))
    if expected is None:
        assert judge(trusted, envelope(), facts(), NOW + 365 * DAY).verified
        return
    refused = refusal(envelope(), trusted, later=365)
    assert (refused.rule, refused.signer, refused.keys) == (expected, "acme", (ONE.public.id,))
    assert ONE.public.id in refused.detail


def test_a_compromised_key_cannot_backdate() -> None:
    trusted = policy(signer(revoked(0, compromised=True)))
    assert refusal(envelope(said=lock(signed_at=NOW - 300 * DAY)), trusted).rule is Rule.KEY_REVOKED
    seen_before = facts(accepted_at=NOW - DAY / 2)
    assert judge(trusted, envelope(), seen_before, NOW + DAY).verified
    assert refusal(envelope(), trusted, facts(accepted_at=NOW)).rule is Rule.KEY_REVOKED


def test_a_revoked_key_does_not_help_to_meet_a_threshold() -> None:
    gone = revoked(0, compromised=True)
    trusted = policy(signer(gone, TWO, threshold=2))
    assert refusal(envelope(ONE, TWO), trusted).rule is Rule.KEY_REVOKED
    rotated = policy(signer(gone, TWO))
    assert judge(rotated, envelope(ONE, TWO), facts(), NOW).keys == (TWO.public.id,)


def test_a_key_belongs_to_one_signer() -> None:
    """Otherwise a key that is revoked for one would go on counting for the other."""
    with pytest.raises(ValueError, match="belongs to acme and to evil"):
        Policy.model_validate({"signers": {"acme": signer(revoked(0, compromised=True)), "evil": signer()}})


@pytest.mark.parametrize("name", ["acme-notes-0123456789ab", IMAGE])
@pytest.mark.parametrize("source", list(Source))
def test_a_revoked_release(name: str, source: Source) -> None:
    gone = [{"release": name, "at": NOW, "reason": "a hole"}]
    trusted = policy(revoked_releases=gone, allow_unsigned=[{"plugins": ["*"]}])
    refused = refusal(envelope(), trusted, facts(source=source))
    assert refused.rule is Rule.RELEASE_REVOKED
    assert "a hole" in refused.detail


def test_what_becomes_of_a_running_release_that_is_revoked() -> None:
    running = facts(accepted_at=NOW)
    gone = [{"release": IMAGE, "at": NOW, "reason": "a hole"}]
    assert standing(policy(), envelope(), running, NOW).course is Course.RUN
    kept = standing(policy(revoked_releases=gone), envelope(), running, NOW)
    assert kept.course is Course.KEEP
    assert kept.refusal is not None
    assert kept.refusal.rule is Rule.RELEASE_REVOKED
    strict = policy(revoked_releases=gone, revoked_running="stop")
    assert standing(strict, envelope(), running, NOW).course is Course.STOP
    with pytest.raises(ValueError, match="accepted"):
        standing(policy(), envelope(), facts(), NOW)


def test_permissions_above_the_ceiling() -> None:
    refused = refusal(envelope(), policy(signer(permissions={"egress": ["*:80"]})))
    assert refused.rule is Rule.SIGNER_PERMISSIONS
    assert "connect to api.acme.example:443" in refused.detail
    nothing = policy(signer(permissions={"egress": ["*"], "volumes": []}))
    assert "keep the volume data" in refusal(envelope(), nothing).detail
    images = envelope(said=lock(csp={"img-src": ["https://evil.example"]}))
    assert "img-src https://evil.example" in refusal(images).detail
    wide = signer(permissions={"egress": ["*"], "csp": {"img-src": ["https://*.example"]}})
    assert judge(policy(wide), images, facts(), NOW).verified


@pytest.mark.parametrize(
    "more",
    [
        {"permissions": Permissions(egress=("api.acme.example:443", "evil.example:443"))},
        {"permissions": Permissions(volumes=("data", "other"))},
        {"permissions": Permissions(origins=("img-src https://evil.example",))},
    ],
)
def test_a_release_that_wants_more_than_its_lock(more: dict[str, Any]) -> None:
    loose = policy(signer(permissions={"egress": ["*"]}))
    assert refusal(envelope(), loose, facts(**more)).rule is Rule.PERMISSIONS_BEYOND_LOCK


LISTED = {"plugin": IMAGE, "plugin/a.py": IMAGE, "plugin/b.py": OTHER}
CHANGES: list[tuple[Callable[[dict[str, str]], Any], Rule]] = [
    (lambda found: found.pop("plugin/b.py"), Rule.FILE_MISSING),
    (lambda found: found.update({"plugin/evil.py": IMAGE}), Rule.FILE_NOT_LISTED),
    (lambda found: found.update({"plugin/a.py": OTHER}), Rule.FILE_CHANGED),
    (lambda found: found.update({"plugin/a.py": OTHER, "plugin/b.py": IMAGE}), Rule.FILE_CHANGED),
    (lambda found: found.update({"plugin": OTHER}), Rule.FILE_CHANGED),
    (lambda found: found.update({"ui/x.js": OTHER}), Rule.FILE_NOT_LISTED),
    (lambda found: found.clear(), Rule.FILE_MISSING),
]


@pytest.mark.parametrize(("change", "rule"), CHANGES)
def test_the_lock_lists_every_file_and_no_other(change: Callable[[dict[str, str]], Any], rule: Rule) -> None:
    proof = envelope(subjects=LISTED)
    found = dict(LISTED)
    assert judge(policy(), proof, facts(subjects=found), NOW).verified
    change(found)
    assert refusal(proof, found=facts(subjects=found)).rule is rule


def test_only_a_ui_may_be_looked_at_later_and_never_all() -> None:
    proof = envelope(subjects={"image": IMAGE, "ui/a.js": OTHER})
    assert judge(policy(), proof, facts(), NOW).verified
    assert refusal(proof, found=facts(unseen=frozenset())).rule is Rule.FILE_MISSING
    half = {"image": IMAGE, "ui/a.js": OTHER, "ui/b.js": OTHER}
    found = facts(subjects={"image": IMAGE, "ui/a.js": OTHER})
    assert refusal(envelope(subjects=half), found=found).rule is Rule.FILE_MISSING
    nothing = envelope(subjects={"ui/a.js": OTHER})
    assert refusal(nothing, found=facts(subjects={})).rule is Rule.FILE_MISSING


@pytest.mark.parametrize("source", [Source.OCI, Source.CDN, Source.NPM])
def test_unsigned_is_refused_unless_the_policy_says_so(source: Source) -> None:
    found = facts(source=source)
    for trusted in (Policy(), policy(), policy(allow_unsigned=[{"plugins": ["other"]}])):
        refused = refusal(None, trusted, found)
        assert refused.rule is Rule.UNSIGNED
        assert f"--plugins acme-notes --sources {source.value}" in refused.hint
    one = Policy.model_validate({"allow_unsigned": [{"plugins": ["acme-*"], "sources": [source.value]}]})
    verdict = judge(one, None, found, NOW)
    assert (verdict.verified, verdict.rule, verdict.signer) == (False, Rule.ALLOWED_UNSIGNED, "")
    assert verdict.words.startswith("Not verified")
    others = {Source.OCI, Source.CDN, Source.NPM} - {source}
    assert all(refusal(None, one, facts(source=other)).rule is Rule.UNSIGNED for other in others)


def test_leave_for_unsigned_ones_is_no_leave_for_badly_signed_ones() -> None:
    loose = policy(allow_unsigned=[{"plugins": ["*"]}])
    assert refusal(envelope(STRANGER), loose).rule is Rule.UNKNOWN_SIGNER
    assert refusal(b"", loose).rule is Rule.ENVELOPE


def test_a_digest_is_no_signature() -> None:
    refused = refusal(None, policy(), facts(claimed=IMAGE))
    assert refused.rule is Rule.DIGEST_IS_NO_SIGNATURE
    assert "checksum" in refused.hint
    loose = policy(allow_unsigned=[{"plugins": ["*"]}])
    verdict = judge(loose, None, facts(claimed=IMAGE), NOW)
    assert (verdict.verified, verdict.signer, verdict.keys) == (False, "", ())


def test_built_in_ones_are_trusted_and_endpoints_as_the_policy_says() -> None:
    assert judge(Policy(), None, facts(source=Source.BUILT_IN, subjects={}), NOW).rule is Rule.BUILT_IN
    far = facts(source=Source.REMOTE, subjects={})
    verdict = judge(Policy(), None, far, NOW)
    assert (verdict.verified, verdict.rule) == (False, Rule.REMOTE_ENDPOINT)
    assert refusal(None, Policy(remote_endpoints="refuse"), far).rule is Rule.REMOTE_ENDPOINT


def test_a_signed_document_that_is_no_lock() -> None:
    for payload in (b"{}", b'{"_type":"https://in-toto.io/Statement/v1"}', b"\xff"):
        assert refusal(dump_envelope(sign_payload(payload, [ONE]))).rule is Rule.STATEMENT
