"""The policy file: what it may say, what holds without it, what is worth a second look."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model import Permissions, Source
from gateway.trust.policy import BadPolicy, Ceiling, Policy, load_policy, parse_policy
from gateway.trust.policy_review import key_state, review_policy
from tests.signing import DAY, NOW, ONE, TWO, policy, signer

FULL = f"""
policy = 1
revoked_running = "stop"
remote_endpoints = "refuse"

[signers.acme]
threshold = 2
plugins = ["acme-*", "mail"]
sources = ["oci", "npm"]
permissions = {{ egress = ["*.acme.example:443"], volumes = [], csp = {{ img-src = ["https://*"] }} }}

[[signers.acme.keys]]
public = "{ONE.public.line}"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2027-01-01T00:00:00+02:00

[[signers.acme.keys]]
public = '''{TWO.public.pem()}'''
revoked = {{ at = 2026-05-01T00:00:00Z, reason = "laptop lost" }}

[[allow_unsigned]]
plugins = ["dev-?"]
sources = ["cdn"]

[[revoked_releases]]
release = "sha256:{"0" * 64}"
at = 2026-05-01T00:00:00Z
reason = "a hole"
"""


def test_everything_that_a_policy_may_say(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(FULL)
    found = load_policy(tmp_path)
    acme = found.signers["acme"]
    assert (acme.threshold, acme.sources) == (2, (Source.OCI, Source.NPM))
    assert [rule.public for rule in acme.keys] == [ONE.public, TWO.public]
    assert acme.keys[1].revoked is not None
    assert acme.keys[1].revoked.compromised
    assert [key_state(rule, NOW) for rule in acme.keys] == ["valid", "revoked"]
    assert found.owner_of(TWO.public.id) == ("acme", acme.keys[1])
    assert found.owner_of("0" * 64) is None
    assert found.allows_unsigned("dev-1", Source.CDN)
    assert not found.allows_unsigned("dev-12", Source.CDN)
    assert not found.allows_unsigned("dev-1", Source.OCI)


def test_without_a_file_nothing_from_elsewhere_is_trusted(tmp_path: Path) -> None:
    found = load_policy(tmp_path)
    assert found == Policy() == parse_policy(b"")
    assert (found.signers, found.allow_unsigned, found.remote_endpoints) == ({}, (), "allow")
    assert review_policy(found, NOW) == ("No signer is known, so nothing from elsewhere can be installed.",)


def test_a_file_that_cannot_be_read_is_never_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").mkdir()
    with pytest.raises(BadPolicy, match="cannot be read"):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("policy = 1", "policy = 2", "/policy"),
        ("policy = 1", "polciy = 1", "unknown field"),
        ('"stop"', '"maybe"', "/revoked_running"),
        ("threshold = 2", "threshold = 3", "cannot be met by 2 keys"),
        ("threshold = 2", "threshold = 0", "/signers/acme/threshold"),
        ("threshold = 2", "threshold = true", "/signers/acme/threshold"),
        ('["acme-*", "mail"]', "[]", "/signers/acme/plugins"),
        ('"mail"', '"*/../x"', "/signers/acme/plugins/1"),
        ('"oci", "npm"', '"built-in"', "must be one of oci, cdn, npm, remote"),
        ('"oci", "npm"', '"https://evil.example"', "must be one of"),
        ("img-src", "script-src", "/signers/acme/permissions/csp"),
        ("ed25519:", "rsa:", "/signers/acme/keys/0/public"),
        (TWO.public.pem(), ONE.public.pem(), "the same key stands here twice"),
        ("valid_from = 2026", "valid_from = 2028", "must lie before"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "valid_from"),
        ("2026-01-01T00:00:00Z", '"2026-01-01T00:00:00Z"', "valid_from"),
        ('reason = "a hole"', 'reason = ""', "/revoked_releases/0/reason"),
        ('release = "sha256:0', 'release = "sha1:0', "/revoked_releases/0/release"),
        ("[signers.acme]", '[signers."a b"]', "/signers/a b"),
    ],
)
def test_what_a_policy_may_not_say(old: str, new: str, said: str) -> None:
    assert old in FULL
    with pytest.raises(BadPolicy) as caught:
        parse_policy(FULL.replace(old, new).encode())
    told = caught.value.problem()
    assert said in str(told)
    assert "policy check" in told["hint"]


def test_a_ceiling() -> None:
    most = Ceiling(egress=("*.acme.example:443", "settings:*"), csp={"img-src": ("https://*.acme.example",)})
    fine = Permissions(egress=("api.acme.example:443", "settings:/url"), volumes=("data",))
    assert most.exceeded_by(fine | Permissions(origins=("img-src https://cdn.acme.example",))) == ()
    for wanted in ("acme.example:443", "api.acme.example:80", "evil.example:443"):
        assert most.exceeded_by(Permissions(egress=(wanted,))) == (f"connect to {wanted}",)
    for origin in ("media-src https://a.acme.example", "img-src https://acme.example"):
        assert most.exceeded_by(Permissions(origins=(origin,))) == (origin,)
    assert Ceiling().exceeded_by(Permissions(volumes=("data",))) == ()
    assert Ceiling().exceeded_by(Permissions(origins=("img-src https://a.example",)))


def test_a_review_says_what_may_not_be_meant() -> None:
    late = {"public": ONE.public.line, "valid_until": NOW - DAY}
    loose = policy(signer(late, plugins=["*"]), allow_unsigned=[{"plugins": ["*"], "sources": ["npm"]}])
    said = " ".join(review_policy(loose, NOW))
    assert "needs 1 keys to sign and has 0" in said
    assert "acme may sign plugins of any name" in said
    assert "any name are let in from npm" in said
    assert review_policy(policy(), NOW) == ()
