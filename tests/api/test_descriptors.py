"""The limit of open files, in a process of its own."""

import subprocess
import sys

import pytest

_TOLD = """
import resource
from api.descriptors import allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_connections()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("soft", "hard", "then"), [(64, 900, 900), (500, 500, 500)])
def test_it_is_raised_as_far_as_it_helps(soft: int, hard: int, then: int) -> None:
    program = _TOLD.format(soft=soft, hard=hard)
    said = subprocess.run((sys.executable, "-c", program), check=True, capture_output=True, text=True)
    assert int(said.stdout) == then
