"""What the gateway sees of a release: before it runs, and once it does."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.digests import UnfitTree, tree_digest
from gateway.model import (
    Access,
    DirectoryArtifact,
    ImageArtifact,
    Manifest,
    Permissions,
    PluginId,
    RemoteArtifact,
    RouteRule,
    Source,
    UiType,
)
from gateway.trust.facts import facts_of
from gateway.trust.refusal import Refused, Rule
from gateway.trust.running import contract_digest, judge_manifest, judge_ui
from gateway.trust.statement import parse_statement
from gateway.trust.subjects import ArtefactUnreadable, archive_subjects, directory_subjects, ui_subjects
from tests.samples import DIGEST, make_release, write_plugin
from tests.signing import IMAGE, OTHER, facts, lock, signed


def test_a_directory_file_by_file(tmp_path: Path) -> None:
    root = write_plugin(tmp_path / "notes")
    found = directory_subjects(root)
    assert found["plugin"] == tree_digest(root)
    content = (root / "notes" / "app.py").read_bytes()
    assert found["plugin/notes/app.py"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert len(found) == 1 + sum(path.is_file() for path in root.rglob("*"))
    (root / "notes" / "app.py").chmod(0o755)
    changed = directory_subjects(root)
    assert {name for name in found if found[name] != changed[name]} == {"plugin"}
    (root / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnfitTree):
        directory_subjects(root)


def test_a_package_and_a_ui(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("x")
    digest = f"sha256:{hashlib.sha256(b'x').hexdigest()}"
    assert ui_subjects(tmp_path) == {"ui/a.js": digest}
    assert archive_subjects(tmp_path / "a.js") == {"archive": digest}
    with pytest.raises(ArtefactUnreadable):
        archive_subjects(tmp_path / "none")


def test_facts_of_every_kind_of_release(tmp_path: Path) -> None:
    root = write_plugin(tmp_path / "notes")
    place = DirectoryArtifact(path=str(root), digest=tree_digest(root), command=("x",), image="x")
    external = replace(make_release(artifact=place), source=Source.NPM)
    assert facts_of(external).subjects == directory_subjects(root)
    assert facts_of(external, subjects={"archive": IMAGE}).subjects == {"archive": IMAGE}
    image = make_release(artifact=ImageArtifact(reference="r", digest=DIGEST))
    assert facts_of(image).subjects == {"image": DIGEST}
    assert facts_of(make_release(artifact=RemoteArtifact(address="h:1"))).subjects == {}
    # Built-in ones are compared with their digest at every start; once is enough.
    built_in = make_release()
    assert facts_of(built_in).subjects == {"plugin": DIGEST}
    told = facts_of(built_in, floor="1.0.0", claimed=OTHER)
    assert (told.plugin, told.version, told.release) == (built_in.plugin_id, "1.0.0", built_in.id)
    assert (told.permissions, told.ui_type) == (built_in.permissions, UiType.STATIC)
    assert (told.floor, told.claimed, told.accepted_at) == ("1.0.0", OTHER, None)


MANIFEST = Manifest(
    plugin_id=PluginId("acme-notes"),
    version="1.2.0",
    name="Notes",
    permissions=Permissions(volumes=("data",)),
    ui_type=UiType.STATIC,
    routes=(RouteRule(path_prefix="/", access=Access.USER),),
    descriptor_set=b"x",
)


def test_a_plugin_that_says_other_things_than_its_lock() -> None:
    said = lock(contract=contract_digest(MANIFEST))
    statement = parse_statement(signed(said=said).payload)
    judge_manifest(statement, facts(), MANIFEST)
    open_to_all = (RouteRule(path_prefix="/", access=Access.PUBLIC),)
    for manifest, rule in (
        (replace(MANIFEST, plugin_id=PluginId("other")), Rule.OTHER_PLUGIN),
        (replace(MANIFEST, version="1.2.1"), Rule.OTHER_VERSION),
        (replace(MANIFEST, ui_type=UiType.NONE), Rule.OTHER_UI),
        (replace(MANIFEST, permissions=Permissions(egress=("evil:1",))), Rule.PERMISSIONS_BEYOND_LOCK),
        (replace(MANIFEST, routes=open_to_all), Rule.OTHER_CONTRACT),
        (replace(MANIFEST, descriptor_set=b"y"), Rule.OTHER_CONTRACT),
    ):
        with pytest.raises(Refused) as caught:
            judge_manifest(statement, facts(), manifest)
        assert caught.value.rule is rule
    judge_manifest(parse_statement(signed().payload), facts(), replace(MANIFEST, descriptor_set=b"y"))


def test_a_ui_is_held_against_the_lock_where_that_lists_it() -> None:
    statement = parse_statement(signed(subjects={"image": IMAGE, "ui/a.js": IMAGE}).payload)
    judge_ui(statement, facts(), {"a.js": "1" * 64})
    for files, rule in (
        ({"a.js": "2" * 64}, Rule.FILE_CHANGED),
        ({"a.js": "1" * 64, "b.js": "1" * 64}, Rule.FILE_NOT_LISTED),
        ({}, Rule.FILE_MISSING),
    ):
        with pytest.raises(Refused) as caught:
            judge_ui(statement, facts(), files)
        assert caught.value.rule is rule
    judge_ui(parse_statement(signed().payload), facts(), {"b.js": "1" * 64})


@pytest.mark.parametrize(
    ("loaded", "absent"),
    [
        ("gateway.trust.judge, gateway.trust.policy_edit", ("securesystemslib", "tomlkit", "cryptography")),
        # Most commands run for less time than pydantic takes to load.
        ("gateway.cli.main", ("securesystemslib", "tomlkit", "cryptography", "pydantic")),
    ],
)
def test_heavy_libraries_are_loaded_only_when_used(loaded: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {loaded}; print([name for name in {absent} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
