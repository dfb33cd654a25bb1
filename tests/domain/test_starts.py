"""How soon an endpoint starts and ends, by the newest times."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.limits import Limits
from domain.starts import Start, expected, is_warm

RUNNERS = Limits(runners=True, warm_seconds=60)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("limits", "took", "started", "warm", "start"),
    [
        (RUNNERS, [], [], False, Start(False, None, None)),
        (RUNNERS, [1, 2, 3, 4], [1, 2, 3, 4], True, Start(True, None, None)),
        (RUNNERS, [40, 41, 42, 43, 44], [1, 1, 2, 9, 30], True, Start(True, 2, 42)),
        (RUNNERS, [40, 41, 42, 43, 44], [1, 1, 2, 9, 30], False, Start(False, 30, 42)),
        (Limits(), [40, 41, 42, 43, 44], [1, 1, 2, 9, 30], True, Start(None, None, 42)),
    ],
)
def test_what_is_to_be_expected(
    limits: Limits, took: list[float], started: list[float], *, warm: bool, start: Start
) -> None:
    assert expected(limits, took=took, started=started, warm=warm) == start


@pytest.mark.parametrize(
    ("seen", "warm"), [(None, False), (NOON, True), (NOON - timedelta(seconds=60), False)]
)
def test_a_runner_stays_warm_for_a_while(seen: datetime | None, *, warm: bool) -> None:
    assert is_warm(RUNNERS, seen, NOON) is warm
