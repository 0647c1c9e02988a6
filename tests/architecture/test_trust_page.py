"""docs/trust.md names every rule and only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.trust.refusal import Rule

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text()
ACCEPTING = {Rule.BUILT_IN, Rule.ALLOWED_UNSIGNED, Rule.SIGNED}


def test_every_rule_that_refuses_is_explained() -> None:
    table = PAGE.partition("| rule |")[2].partition("## ")[0]
    told = set(re.findall(r"`([a-z-]+)`", table))
    assert told == {rule.value for rule in Rule if rule not in ACCEPTING}


def test_the_tests_that_it_names_exist() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE)
    code = "".join(path.read_text() for path in (ROOT / "tests" / "security").glob("test_trust*.py"))
    assert len(named) > 15
    assert [name for name in named if f"def {name}(" not in code] == []
