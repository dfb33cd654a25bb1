"""LinkModel cannot erase, and says so."""

import pytest

from providers.base import LookFailed
from providers.linkmodel import LinkModelProvider


def test_it_cannot_erase_and_says_what_is_not_known() -> None:
    with pytest.raises(LookFailed, match="no call to erase") as caught:
        LinkModelProvider("sk-test", "http://127.0.0.1:1").erase("task")
    assert (caught.value.permanent, caught.value.missing) == (True, False)
