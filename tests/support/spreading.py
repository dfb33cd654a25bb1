"""How tests are spread over processes, and in which order: what takes long starts once, and early."""

from typing import Final

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

# Files whose tests look at one running Darkroom: each further process would start another one.
_TOGETHER: Final = {
    f"tests/acceptance/test_{name}.py": group
    for group, names in {
        "darkroom": ("bad_input", "callbacks", "cancels", "corners", "crashes"),
        "own services": ("own_services", "webhooks"),
    }.items()
    for name in names
}
# What takes long in one piece, the longest first: at the end of a run nobody is to wait for one of these.
_FIRST: Final = ("tests/acceptance/", "tests/chaos/", "tests/cli/stack/", "tests/workers/", "tests/bench/")


class Spreading(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Gives the tests of a file, or of files that belong together, to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _TOGETHER.get(file, file)


def place(item: pytest.Item) -> int:
    """Where in the order a test's file comes."""
    return next((number for number, start in enumerate(_FIRST) if item.nodeid.startswith(start)), len(_FIRST))
