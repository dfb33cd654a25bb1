"""The Retry-After header, in both of its forms."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.linkmodel.retry_after import retry_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_seconds_and_dates_are_read_and_the_rest_is_nothing(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_no_header_is_no_wish() -> None:
    assert retry_after({}) is None


@given(st.text())
def test_any_text_is_a_wait_or_nothing(value: str) -> None:
    seconds = retry_after({"retry-after": value})

    assert seconds is None or seconds >= 0
