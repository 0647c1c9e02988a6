"""Documents that are made from code are as the code is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.settings_doc import TARGET, document

ROOT = Path(__file__).resolve().parents[2]


def test_settings_page_is_current() -> None:
    assert TARGET.read_text() == document(), "run: .venv/bin/python scripts/settings_doc.py"


def test_every_setting_says_what_it_means() -> None:
    from gateway.settings import Settings

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.timeout(180)
def test_the_reference_is_current() -> None:
    # In a process of its own, as it imports everything: other tests look at what is imported.
    looked = subprocess.run(
        [sys.executable, "-m", "scripts.reference", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert looked.returncode == 0, looked.stdout + looked.stderr


def test_every_link_leads_somewhere() -> None:
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "plugin_services").glob("*/README.md"),
    ]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_every_decision_is_in_their_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^- (\d+) \[(.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.M)
    heads = ((page.read_text().partition("\n")[0], page.name) for page in sorted(folder.glob("0*.md")))
    assert [(f"# {number}. {title}", name) for number, title, name in listed] == list(heads)


def test_every_check_is_on_its_page() -> None:
    from gateway.conformance.run import START
    from gateway.conformance.suite import SUITE

    page = (ROOT / "docs" / "check.md").read_text()
    assert [check.id for check in (START, *SUITE) if f"| `{check.id}` | {check.promise} |" not in page] == []


def test_the_page_for_sdks_names_every_check_and_no_other() -> None:
    from gateway.conformance.run import START
    from gateway.conformance.suite import SUITE

    known = {check.id for check in (START, *SUITE)}
    groups = "|".join(sorted({one.split(".")[0] for one in known}))
    named = set(re.findall(rf"`((?:{groups})\.[a-z-]+)`", (ROOT / "docs" / "sdk.md").read_text()))
    assert named == known
