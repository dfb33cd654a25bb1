"""Our own source, read when a test looks at it and let go again: nobody else is to carry its trees."""

import pytest

from tests.architecture.modules import PACKAGES, Module, modules


@pytest.fixture(scope="module")
def ours() -> list[Module]:
    return modules(*PACKAGES)


@pytest.fixture(scope="module")
def tests() -> list[Module]:
    return modules("tests")
