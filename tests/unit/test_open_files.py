from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.open_files import ENOUGH

_CODE = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from gateway.open_files import raise_limit
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "then"), [(256, 1000, 1000), (1000, 1000, 1000), (500, 512, 512)])
def test_a_process_takes_what_it_is_granted(soft: int, hard: int, then: int) -> None:
    assert then <= ENOUGH
    code = _CODE.format(soft=soft, hard=hard)
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.split() == [str(then), str(then), str(hard)]
