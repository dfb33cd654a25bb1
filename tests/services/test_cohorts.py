"""What one process sees of the requests of a lane."""

from uuid import uuid4

from domain.lanes import Lane
from services.cohorts import Cohorts

LANE = Lane("fal", "fal-ai/flux/dev")


def test_a_lane_that_was_never_seen_shows_nothing() -> None:
    assert Cohorts().pattern(LANE) is None


def test_requests_that_go_on_keep_the_others_waiting_and_ends_tell_when() -> None:
    now = 0.0
    cohorts = Cohorts(lambda: now)
    ids = [uuid4() for _ in range(40)]
    for one in ids:
        cohorts.going(LANE, one, 10.0)
    known = cohorts.pattern(LANE)
    assert known is not None
    assert (known.early, known.middle) == (9.0, None)
    for one in ids:
        cohorts.ended(LANE, one, 12.0)
    assert cohorts.pattern(LANE) == known, "it is reckoned once a second"
    now = 1.0
    known = cohorts.pattern(LANE)
    assert known is not None
    assert known.middle == 12.0
    assert cohorts.pattern(Lane("fal", "other")) is None


def test_the_oldest_requests_are_forgotten() -> None:
    cohorts = Cohorts()
    for _ in range(100):
        cohorts.ended(LANE, uuid4(), 100.0)
    for _ in range(4096):
        cohorts.ended(LANE, uuid4(), 5.0)
    known = cohorts.pattern(LANE)
    assert known is not None
    assert known.high == 5.0
