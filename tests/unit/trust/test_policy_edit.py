"""Changes of policy.toml: whole or not at all, one at a time, comments kept."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.trust.keys import generate
from gateway.trust.policy import BadPolicy, load_policy
from gateway.trust.policy_edit import (
    NotInPolicy,
    SignerChange,
    allow_unsigned,
    edit_policy,
    revoke_key,
    revoke_release,
    trust_signer,
)
from tests.signing import NOW, ONE, TWO

ACME = trust_signer("acme", SignerChange(keys=[ONE.public], plugins=["acme-*"]))


def test_a_signer_is_added_to(tmp_path: Path) -> None:
    edit_policy(tmp_path, ACME)
    more = SignerChange(
        keys=[ONE.public, TWO.public],
        plugins=["mail", "acme-*"],
        threshold=2,
        egress=["a:1"],
        csp={"img-src": ["https://a.example"]},
        valid_until=NOW,
    )
    found = edit_policy(tmp_path, trust_signer("acme", more))
    acme = found.signers["acme"]
    assert acme.plugins == ("acme-*", "mail")
    assert [rule.public for rule in acme.keys] == [ONE.public, TWO.public]
    assert [rule.valid_until for rule in acme.keys] == [None, NOW]
    assert (acme.threshold, acme.permissions.egress, acme.permissions.volumes) == (2, ("a:1",), ("*",))
    assert found == load_policy(tmp_path)
    assert stat.S_IMODE((tmp_path / "policy.toml").stat().st_mode) == 0o600


def test_to_add_never_takes_away(tmp_path: Path) -> None:
    """Sources and volumes that are left out mean all; naming one of them later must not narrow them."""
    edit_policy(tmp_path, ACME)
    before = load_policy(tmp_path).signers["acme"]
    added = trust_signer("acme", SignerChange(sources=["oci"], volumes=["data"]))
    after = edit_policy(tmp_path, added).signers["acme"]
    assert (after.sources, after.permissions) == (before.sources, before.permissions)
    narrow = SignerChange(keys=[TWO.public], plugins=["b"], sources=["npm"], volumes=["data"])
    edit_policy(tmp_path, trust_signer("beta", narrow))
    wider = edit_policy(tmp_path, trust_signer("beta", SignerChange(sources=["oci"], volumes=["log"])))
    beta = wider.signers["beta"]
    assert ([s.value for s in beta.sources], beta.permissions.volumes) == (["npm", "oci"], ("data", "log"))


def test_comments_and_the_other_spelling_of_lists_survive(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        "# ours\nsigners.acme = { plugins = ['acme-*'], keys = [ # one\n"
        f"  {{ public = '{ONE.public.line}' }},\n] }}\n"
        "allow_unsigned = []\nrevoked_releases = []\n"
    )
    edit_policy(tmp_path, trust_signer("acme", SignerChange(keys=[TWO.public])))
    edit_policy(tmp_path, allow_unsigned(["dev-*"], ["npm"]))
    edit_policy(tmp_path, revoke_release("acme-a-0123456789ab", at=NOW, reason='"quoted"\nand broken'))
    found = edit_policy(tmp_path, revoke_key(ONE.public, at=NOW, reason="lost", compromised=True))
    assert "# ours" in path.read_text()
    assert "# one" in path.read_text()
    acme = found.signers["acme"]
    assert [rule.public for rule in acme.keys] == [ONE.public, TWO.public]
    assert acme.keys[0].revoked is not None
    assert acme.keys[1].revoked is None
    assert found.revoked_releases[0].reason == '"quoted"\nand broken'
    assert found.allow_unsigned[0].plugins == ("dev-*",)


def test_a_revocation_is_revised_not_doubled(tmp_path: Path) -> None:
    edit_policy(tmp_path, ACME)
    edit_policy(tmp_path, revoke_key(ONE.public, at=NOW, reason="replaced", compromised=False))
    again = revoke_key(ONE.public, at=NOW - timedelta(days=9), reason="stolen", compromised=True)
    told = edit_policy(tmp_path, again).signers["acme"].keys[0].revoked
    assert told is not None
    assert (told.reason, told.compromised) == ("stolen", True)
    with pytest.raises(NotInPolicy):
        edit_policy(tmp_path, revoke_key(TWO.public, at=NOW, reason="x", compromised=True))


def test_what_would_not_hold_is_not_written(tmp_path: Path) -> None:
    edit_policy(tmp_path, ACME)
    before = (tmp_path / "policy.toml").read_bytes()
    with pytest.raises(BadPolicy, match="cannot be met") as caught:
        edit_policy(tmp_path, trust_signer("acme", SignerChange(threshold=9)))
    assert caught.value.hint == "Nothing was changed."
    with pytest.raises(BadPolicy, match="belongs to acme and to evil"):
        edit_policy(tmp_path, trust_signer("evil", SignerChange(keys=[ONE.public], plugins=["*"])))
    assert (tmp_path / "policy.toml").read_bytes() == before


@pytest.mark.parametrize("text", ["signers = 1\n", "[", "unknown = 1\n"])
def test_a_broken_file_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.toml").write_text(text)
    with pytest.raises(BadPolicy):
        edit_policy(tmp_path, ACME)
    assert (tmp_path / "policy.toml").read_text() == text


def test_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("policy = 1\n")
    (tmp_path / "policy.toml").symlink_to("real.toml")
    with pytest.raises(BadPolicy, match="is a link"):
        edit_policy(tmp_path, ACME)
    assert (tmp_path / "real.toml").read_text() == "policy = 1\n"


def test_changes_at_the_same_time_all_count(tmp_path: Path) -> None:
    def add(number: int) -> None:
        change = SignerChange(keys=[generate().public], plugins=[f"p-{number}"])
        edit_policy(tmp_path, trust_signer(f"signer-{number}", change))

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(add, range(12)))
    assert len(load_policy(tmp_path).signers) == 12
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]
