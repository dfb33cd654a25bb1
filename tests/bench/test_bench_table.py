"""The table: medians beside their bars."""

import pytest

from bench.table import Better, Row, quantile, render


@pytest.mark.parametrize(
    ("values", "bar", "better", "verdict"),
    [
        ((1.0, 9.0, 2.0), 2.0, "lower", "PASS"),
        ((1.0, 9.0, 2.1), 2.0, "lower", "MISS"),
        ((1.0, 9.0, 2.0), 2.0, "higher", "PASS"),
        ((1.0, 9.0, 1.9), 2.0, "higher", "MISS"),
        ((1.0,), None, "lower", ""),
    ],
)
def test_the_median_decides_and_only_where_there_is_a_bar(
    values: tuple[float, ...], bar: float | None, better: Better, verdict: str
) -> None:
    assert Row("claim", values, "ms", bar, better).verdict == verdict


def test_a_line_shows_the_spread_the_bar_and_the_verdict() -> None:
    [_, line] = render([Row("claim", (1.0, 3.0, 2.5), "ms", 2, "lower")]).splitlines()
    assert line.split() == ["claim", "2.5", "1", "to", "3", "ms", "<=", "2", "MISS"]


def test_one_run_has_no_spread() -> None:
    assert "to" not in render([Row("claim", (1_234.5,), "ms")])


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 3), (0.95, 5), (1.0, 5)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile([5, 3, 1, 4, 2], share) == value
