"""Installs and later starts, from files on the disk to an answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.definition import PluginDefinition
from gateway.model import DirectoryArtifact, Release, Source
from gateway.sources.built_in import BuiltInSource
from gateway.trust.admit import admit, review
from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.policy import BadPolicy
from gateway.trust.policy_edit import SignerChange, edit_policy, revoke_key, trust_signer
from gateway.trust.refusal import Refused, Rule
from gateway.trust.standing import Course
from gateway.trust.statement import make_statement
from gateway.trust.subjects import Subjects, directory_subjects
from tests.samples import write_plugin
from tests.signing import IMAGE, ONE, lock


async def fetched(root: Path) -> Release:
    await asyncio.to_thread(write_plugin, root / "notes")
    release = await BuiltInSource([root]).resolve(PluginDefinition(id="notes"))
    return replace(release, source=Source.NPM)


def proof(release: Release, subjects: Subjects) -> bytes:
    said = lock(
        plugin=release.plugin_id,
        version=release.version,
        ui_type=release.ui_type,
        permissions={"egress": release.permissions.egress, "volumes": release.permissions.volumes},
        signed_at=datetime.now(UTC),
    )
    return dump_envelope(sign_payload(make_statement(subjects, said), [ONE]))


async def trust(home: Path) -> None:
    change = trust_signer("acme", SignerChange(keys=[ONE.public], plugins=["notes"]))
    await asyncio.to_thread(edit_policy, home, change)


async def test_a_directory_is_admitted_and_stands_until_its_key_is_revoked(tmp_path: Path) -> None:
    home, release = tmp_path / "home", await fetched(tmp_path)
    assert isinstance(release.artifact, DirectoryArtifact)
    place = Path(release.artifact.path)
    envelope = proof(release, await asyncio.to_thread(directory_subjects, place))
    with pytest.raises(Refused) as caught:
        await admit(home, release, envelope)
    assert caught.value.rule is Rule.UNKNOWN_SIGNER
    await trust(home)
    assert (await admit(home, release, envelope)).signer == "acme"
    with pytest.raises(Refused) as caught:
        await admit(home, release, envelope, floor="2.0.0")
    assert caught.value.rule is Rule.DOWNGRADE

    accepted = datetime.now(UTC)
    now_is = await review(home, release, envelope, accepted_at=accepted)
    assert now_is.course is Course.RUN
    gone = revoke_key(ONE.public, at=accepted - timedelta(days=1), reason="lost", compromised=True)
    await asyncio.to_thread(edit_policy, home, gone)
    now_is = await review(home, release, envelope, accepted_at=accepted)
    assert (now_is.course, now_is.verdict) == (Course.KEEP, None)
    assert now_is.refusal is not None
    assert now_is.refusal.rule is Rule.KEY_REVOKED


async def test_a_package_is_held_against_what_was_fetched(tmp_path: Path) -> None:
    home, release = tmp_path / "home", await fetched(tmp_path)
    await trust(home)
    package = {"archive": IMAGE}
    envelope = proof(release, package)
    assert (await admit(home, release, envelope, subjects=package)).verified
    with pytest.raises(Refused) as caught:
        await admit(home, release, envelope)
    assert caught.value.rule is Rule.FILE_NOT_LISTED
    with pytest.raises(Refused) as caught:
        await admit(home, release, None, claimed=IMAGE)
    assert caught.value.rule is Rule.DIGEST_IS_NO_SIGNATURE


async def test_files_that_are_gone_and_a_policy_that_does_not_hold(tmp_path: Path) -> None:
    home, release = tmp_path / "home", await fetched(tmp_path)
    assert isinstance(release.artifact, DirectoryArtifact)
    missing = replace(release, artifact=replace(release.artifact, path=str(tmp_path / "none")))
    with pytest.raises(Refused) as caught:
        await admit(home, missing, None)
    assert caught.value.rule is Rule.FILE_MISSING
    now_is = await review(home, missing, None, accepted_at=datetime.now(UTC))
    assert now_is.course is Course.KEEP
    await trust(home)
    (home / "policy.toml").write_text("signers = 1\n")
    for ask in (admit(home, release, None), review(home, release, None, accepted_at=datetime.now(UTC))):
        with pytest.raises(BadPolicy):
            await ask
