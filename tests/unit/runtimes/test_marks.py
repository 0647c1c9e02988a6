from __future__ import annotations

from pathlib import Path

import pytest

from gateway.home import Home
from gateway.model import InstanceId
from gateway.runtimes import marks


@pytest.mark.parametrize("id_", ["", "../x", "a/b", "a..b", "A", ".a", "a" * 200])
def test_an_id_that_could_leave_its_directory_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="not an instance id"):
        marks.check_instance_id(InstanceId(id_))


def test_only_marks_of_this_home_count(tmp_path: Path) -> None:
    one, two = (Home(tmp_path / name) for name in ("one", "two"))
    environment = marks.plugin_environment(
        instance=InstanceId("notes.1"), home=one, listen="unix:/x", volumes="/v"
    )
    assert marks.marks_of(environment, one) == "notes.1"
    assert marks.marks_of(environment, two) is None
    assert marks.marks_of({}, one) is None
    assert marks.TLS not in environment
