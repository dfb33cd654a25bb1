"""Comparing what was paid: percentiles, spread, projection and how sure that is."""

from decimal import Decimal
from math import isclose
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.comparing import Certainty, Paid, paid, percentile, projection, share_percent
from domain.comparing_verdict import Contender, by_price, rounded_usd, verdict

CENT = 10_000_000
COSTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=60)
MONTHLY = st.integers(1, 10_000_000)
LOAD = [cents * CENT for cents in (8, 8, 10, 12, 13, 13, 14, 14, 14, 14)]


@given(COSTS, st.integers(0, 100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[int], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert 100 * sum(one <= found for one in values) >= percent * len(values)
    below = [one for one in values if one < found]
    assert not below or 100 * len(below) < percent * len(values)


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 2), (51, 3), (75, 3), (95, 4), (100, 4)])
def test_percentiles_of_four(percent: int, expected: int) -> None:
    assert percentile([4, 2, 1, 3], percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1], 101), ([1], -1)])
def test_there_is_no_percentile_of_nothing(values: list[int], percent: int) -> None:
    with pytest.raises(ValueError, match="a percentage from 0 to 100"):
        percentile(values, percent)


@given(st.lists(st.none() | st.integers(0, 2**40), max_size=60))
def test_what_is_not_known_is_counted_and_never_taken_for_0(costs: list[int | None]) -> None:
    found, known = paid(costs), [one for one in costs if one is not None]
    assert (found.n, found.unknown) == (len(known), len(costs) - len(known))
    assert (found.minimum, found.maximum) == (min(known, default=None), max(known, default=None))
    assert found.total == sum(known)
    assert (found.mean_nano is None) == (found.median is None) == (not known)


@given(COSTS)
def test_the_spread_is_what_the_dearest_cost_more_than_the_cheapest(costs: list[int]) -> None:
    low, high, spread = min(costs), max(costs), paid(costs).spread_percent
    if low == high:
        assert spread == 0
    elif low == 0:
        assert spread is None
    else:
        assert spread is not None
        assert abs(Decimal(high - low) * 100 / low - spread) <= Decimal("0.05")


def test_the_spread_of_the_load_is_75_percent() -> None:
    assert paid(LOAD).spread_percent == 75


def test_nothing_has_no_spread_and_no_share() -> None:
    assert (paid([]).spread_percent, share_percent(1, 0), share_percent(1, 3)) == (
        None,
        None,
        Decimal("33.3"),
    )


@given(st.integers(0, 2**40), st.integers(5, 60), MONTHLY)
def test_payments_that_are_all_alike_are_projected_exactly(nano: int, n: int, monthly: int) -> None:
    found = projection(paid([nano] * n), monthly)
    assert found.certainty is Certainty.EXACT
    assert (found.nano, found.low_nano, found.high_nano) == (nano * monthly,) * 3


@given(COSTS, MONTHLY)
def test_the_projection_is_the_mean_times_the_jobs_and_lies_within_its_interval(
    costs: list[int], monthly: int
) -> None:
    found = projection(paid(costs), monthly)
    assert found.nano is not None
    assert abs(found.nano * len(costs) - sum(costs) * monthly) * 2 <= len(costs)
    assert (found.low_nano is None) == (len(costs) < 5) == (found.certainty is Certainty.TOO_FEW)
    if found.low_nano is not None and found.high_nano is not None:
        assert 0 <= found.low_nano <= found.nano <= found.high_nano


@given(st.lists(st.integers(1, 10**6), min_size=6, max_size=40).filter(lambda all_: len(set(all_)) > 1))
def test_the_more_payments_the_narrower_the_interval(costs: list[int]) -> None:
    few, many = projection(paid(costs), 1000), projection(paid(costs * 20), 1000)
    assert many.high_nano is not None
    assert few.high_nano is not None
    assert many.high_nano < few.high_nano


def test_the_interval_is_that_of_students_t() -> None:
    found = projection(paid(LOAD), 1000)
    middle, scatter = mean(LOAD), stdev(LOAD)
    reach = 2.262 * scatter * (1000**2 / 10 + 1000) ** 0.5
    assert found.nano == 120_000_000_000
    assert found.low_nano is not None
    assert found.high_nano is not None
    assert isclose(found.low_nano, 1000 * middle - reach, rel_tol=1e-9)
    assert isclose(found.high_nano, 1000 * middle + reach, rel_tol=1e-9)
    assert found.why == "95 % of such months, by the mean and the scatter of 10 payments"


@pytest.mark.parametrize(("n", "t"), [(31, 2.042), (32, 2.042), (61, 2.0), (500, 1.98)])
def test_of_many_payments_t_is_that_of_the_row_before(n: int, t: float) -> None:
    costs = [1_000_000 + (number % 2) * 1000 for number in range(n)]
    found = projection(paid(costs), 100)
    reach = t * stdev(costs) * (100**2 / n + 100) ** 0.5
    assert found.high_nano is not None
    assert isclose(found.high_nano, 100 * mean(costs) + reach, abs_tol=1)


def test_free_jobs_among_dear_ones_do_not_project_less_than_nothing() -> None:
    assert projection(paid([0, 0, 0, 0, 100]), 10).low_nano == 0


@pytest.mark.parametrize(
    ("found", "certainty", "said"),
    [
        (paid([]), "unknown", "no job has succeeded yet"),
        (paid([None]), "unknown", "the cost of its 1 job is not known"),
        (paid([None, None]), "unknown", "the costs of all 2 jobs are not known"),
        (paid([5]), "too_few", "1 payment is too few to say how sure this is: run at least 5"),
        (paid([5, 6, None]), "too_few", "run at least 5; 1 is not known and left out"),
        (paid([5] * 9 + [None] * 2), "interval", "all 9 known payments were the same; 2 are not known"),
        (Paid(6, 0, 2, 5, 5, 5, 30, 150), "interval", "were the same; 2 may yet change"),
    ],
)
def test_how_sure_it_is_is_said_in_words(found: Paid, certainty: str, said: str) -> None:
    told = projection(found, 1000)
    assert (told.certainty, said in told.why) == (certainty, True), told.why


def contender(name: str, *costs: int | None, monthly: int = 1000) -> Contender:
    return Contender(name, projection(paid(costs), monthly))


SURE, LOADED = contender("linkmodel", *[61_000_000] * 10), contender("fal", *LOAD)


@pytest.mark.parametrize(
    ("contenders", "said"),
    [
        ([], "kling-v3: no cost is known yet"),
        ([contender("fal", None)], "kling-v3: no cost is known yet"),
        ([SURE], "kling-v3: only linkmodel has been paid so far, $61 a month"),
        (
            [LOADED, SURE],
            "kling-v3: cheaper at linkmodel: $61 a month at linkmodel against $102.39 to $137.61 at fal",
        ),
        (
            [LOADED, contender("linkmodel", *[119_000_000] * 5)],
            "kling-v3: no clear difference: $119 a month at linkmodel against $102.39 to $137.61 at fal",
        ),
        (
            [SURE, contender("fal", 80_000_000)],
            "kling-v3: $61 a month at linkmodel against about $80 at fal; too few payments to be sure",
        ),
    ],
)
def test_the_verdict_is_no_surer_than_the_payments(contenders: list[Contender], said: str) -> None:
    assert verdict("kling-v3", contenders) == said


@given(st.lists(st.builds(contender, st.sampled_from("abc"), st.none() | st.integers(0, 99)), max_size=9))
def test_the_cheapest_comes_first_and_the_unknown_last(contenders: list[Contender]) -> None:
    amounts = [one.month.nano for one in by_price(contenders)]
    known = [one for one in amounts if one is not None]
    assert amounts == sorted(known) + [None] * (len(amounts) - len(known))


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "0"),
        (61_000_000, "0.061"),
        (61_000_000_000, "61"),
        (102_390_000_001, "102.39"),
        (102_395_000_000, "102.40"),
        (9_400_000_000_000, "9,400"),
        (-2_500_000_000, "-2.50"),
    ],
)
def test_large_sums_are_shown_to_the_cent(nano: int, shown: str) -> None:
    assert rounded_usd(nano) == shown
