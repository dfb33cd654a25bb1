"""Money: exact parsing, exact products, exact printing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MAX_NANO_USD, MoneyError, format_usd, parse_usd, product, to_nano


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("0.061", 61_000_000),
        ("0.50", 500_000_000),
        (" 1 ", 1_000_000_000),
        ("1e-9", 1),
        ("0.000000001", 1),
        ("9223372036.854775807", MAX_NANO_USD),
    ],
)
def test_dollars_are_read_exactly(text: str, nano: int) -> None:
    assert parse_usd(text) == nano


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not an amount in dollars"),
        ("five", "not an amount in dollars"),
        ("0,50", "not an amount in dollars"),
        ("$1", "not an amount in dollars"),
        ("NaN", "not an amount in dollars"),
        ("-Infinity", "not an amount in dollars"),
        ("1e999999", "not an amount in dollars"),
        ("0.0000000001", "finer than a nano-dollar"),
        ("-0.01", "between 0 and 9223372036"),
        ("9223372036.854775808", "between 0 and 9223372036"),
    ],
)
def test_what_is_not_a_payable_amount_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(MoneyError, match=complaint):
        parse_usd(text)


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0"), (1, "0.000000001"), (61_000_000, "0.061"), (5_000_000_000, "5"), (-61_000_000, "-0.061")],
)
def test_dollars_are_printed_without_trailing_zeros(nano: int, text: str) -> None:
    assert format_usd(nano) == text


@given(st.integers(0, MAX_NANO_USD))
def test_what_is_printed_reads_back_as_the_same_amount(nano: int) -> None:
    assert parse_usd(format_usd(nano)) == nano


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_product_of_whole_amounts_is_exact(units: int, nano: int) -> None:
    assert product(Decimal(units), Decimal(nano).scaleb(-9)) == units * nano


@given(st.decimals(0, 10**6, places=15))
def test_rounding_is_never_off_by_more_than_half_a_nano_dollar(amount: Decimal) -> None:
    assert abs(Decimal(to_nano(amount)).scaleb(-9) - amount) <= Decimal("5e-10")


@pytest.mark.parametrize(
    ("dollars", "nano"), [("0.0000000005", 1), ("0.00000000049", 0), ("0.0000000015", 2)]
)
def test_half_a_nano_dollar_is_rounded_up(dollars: str, nano: int) -> None:
    assert to_nano(Decimal(dollars)) == nano


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "9223372037"])
def test_what_does_not_fit_an_account_is_refused(amount: str) -> None:
    with pytest.raises(MoneyError):
        to_nano(Decimal(amount))
