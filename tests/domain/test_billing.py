"""How often a provider is asked what it charged, and what a bill that differs is put down to."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.billing import Why, hold, next_look, why_different


def test_looks_become_rare_and_end_after_days() -> None:
    waits = [next_look(looks) for looks in range(1, 9)]
    known = [wait for wait in waits if wait is not None]
    assert waits[-1] is None
    assert known == sorted(known)
    assert timedelta(days=7) < sum(known, timedelta()) < timedelta(days=14)


@pytest.mark.parametrize(
    ("failures", "retry_after", "permanent", "seconds"),
    [
        (0, None, False, 60),
        (1, None, False, 120),
        (3, None, False, 480),
        (50, None, False, 3600),
        (0, 7, False, 60),
        (0, 900, False, 900),
        (0, None, True, 3600),
        (0, 7200, True, 7200),
    ],
)
def test_a_provider_that_fails_is_left_alone_for_longer_and_longer(
    failures: int, retry_after: int | None, seconds: int, *, permanent: bool
) -> None:
    asked = None if retry_after is None else timedelta(seconds=retry_after)
    assert hold(failures, asked, permanent=permanent) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("bill", "why"),
    [
        ({}, Why.UNITS),
        ({"booked_nano": None}, Why.LEARNED),
        ({"unit_price": Decimal("0.5")}, Why.PRICE),
        ({"unit_price": Decimal("0.250")}, Why.UNITS),
        ({"subtotal_nano": 12}, Why.DISCOUNT),
        ({"events": 2}, Why.SEVERAL),
        ({"sent_at": None}, Why.OTHER),
        ({"unit_price": None, "subtotal_nano": None}, Why.OTHER),
    ],
)
def test_why_a_bill_is_another_amount(bill: dict[str, Any], why: Why) -> None:
    same = {"booked_nano": 8, "subtotal_nano": 10, "nano": 10, "events": 1}
    assert why_different(**(same | {"sent_at": Decimal("0.25"), "unit_price": Decimal("0.25")} | bill)) is why
