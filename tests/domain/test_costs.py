"""Costs by billed units: exact, and unknown as soon as anything is."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost, from_units, with_spin_up

PRICE = Decimal("0.025")


@pytest.mark.parametrize("units", [None, Decimal("NaN"), Decimal("Infinity"), Decimal(-1)])
def test_units_that_make_no_sense_are_not_known(units: Decimal | None) -> None:
    assert from_units(units, PRICE) == UNKNOWN_COST


def test_no_units_cost_nothing_whatever_the_price() -> None:
    assert from_units(Decimal(0), None) == Cost(0, Basis.BILLABLE_UNITS, final=True, units=Decimal(0))


def test_units_without_a_price_are_kept_and_cost_an_unknown_amount() -> None:
    assert from_units(Decimal(3), None) == Cost(None, None, final=False, units=Decimal(3))


def test_units_times_price_is_the_cost() -> None:
    cost = from_units(Decimal("1.25"), PRICE, basis=Basis.GPU_SECONDS)
    assert cost == Cost(31_250_000, Basis.GPU_SECONDS, final=True, units=Decimal("1.25"))


def test_a_cost_that_no_ledger_can_hold_is_not_known() -> None:
    units = Decimal(10**15)
    assert from_units(units, Decimal(1)) == Cost(None, None, final=False, units=units)


def test_unknown_is_not_nothing() -> None:
    assert UNKNOWN_COST.nano is None
    assert (NOT_BILLED.nano, NOT_BILLED.final) == (0, True)


@given(st.decimals(0, 10**6, places=6), st.decimals(0, 100, places=9))
def test_the_cost_is_the_exact_product_to_half_a_nano_dollar(units: Decimal, price: Decimal) -> None:
    nano = from_units(units, price).nano
    assert nano is not None
    assert abs(Fraction(units) * Fraction(price) * 10**9 - nano) <= Fraction(1, 2)


def test_starting_a_runner_is_part_of_a_cost_by_the_gpu_second_and_shown_apart() -> None:
    worked = Cost(5_000_000, Basis.GPU_SECONDS, final=False)
    total, spin_up = with_spin_up(worked, Decimal("0.001"), Decimal("12.5"))
    assert (total.nano, spin_up, total.final) == (17_500_000, 12_500_000, False)


@pytest.mark.parametrize(
    ("cost", "unit_price"),
    [
        (Cost(5_000_000, Basis.BILLABLE_UNITS, final=True), Decimal("0.001")),
        (Cost(None, Basis.GPU_SECONDS, final=False), Decimal("0.001")),
        (Cost(5_000_000, Basis.GPU_SECONDS, final=False), None),
    ],
)
def test_no_other_cost_has_a_part_for_the_start(cost: Cost, unit_price: Decimal | None) -> None:
    assert with_spin_up(cost, unit_price, Decimal("12.5")) == (cost, None)
