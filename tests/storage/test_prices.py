"""Unit prices as providers named them: the newest holds, and every change is kept."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.evidence import price_name
from domain.lanes import Lane
from storage import prices
from tests.support.engine import Engine
from tests.support.rows import NOON

AB = Lane("fal", "a/b")


def named(engine: Engine, usd: str, *, minute: int, unit: str = "second", endpoint: str = "a/b") -> None:
    with engine.runtime.database.work() as session:
        at = NOON + timedelta(minutes=minute)
        prices.remember(session, provider="fal", endpoint=endpoint, usd=Decimal(usd), unit=unit, at=at)


def history(engine: Engine, lane: Lane = AB) -> list[tuple[str, str, int]]:
    """Every price with its unit, and the minute since when it held; the newest first."""
    with engine.runtime.database.work() as session:
        found = prices.history(session).get(lane, ())
        return [
            (price_name(one.usd), one.unit, int((one.since - NOON).total_seconds() // 60)) for one in found
        ]


def test_a_price_is_exact_and_holds_since_it_was_first_named(engine: Engine) -> None:
    named(engine, "0.000000123456789012345", minute=0)
    named(engine, "0.000000123456789012345", minute=5)
    with engine.runtime.database.work() as session:
        [row] = prices.every(session)
    assert row.usd == Decimal("0.000000123456789012345")
    assert (row.since, row.at) == (NOON, NOON + timedelta(minutes=5))
    assert history(engine) == [("0.000000123456789012345", "second", 0)]


def test_every_change_is_kept_and_the_same_number_written_otherwise_is_none(engine: Engine) -> None:
    for minute, usd in enumerate(("0.10", "0.1", "0.2", "0.100")):
        named(engine, usd, minute=minute)
    named(engine, "0.1", minute=4, unit="video")
    assert history(engine) == [
        ("0.1", "video", 4),
        ("0.1", "second", 3),
        ("0.2", "second", 2),
        ("0.1", "second", 0),
    ]


def test_what_comes_late_from_a_slow_process_changes_nothing(engine: Engine) -> None:
    named(engine, "0.2", minute=5)
    named(engine, "0.1", minute=3)
    assert history(engine) == [("0.2", "second", 5)]


def test_each_endpoint_has_prices_of_its_own(engine: Engine) -> None:
    named(engine, "0.2", minute=0)
    named(engine, "0.3", minute=0, endpoint="a/c")
    with engine.runtime.database.work() as session:
        whole, part = prices.knowledge(session), prices.knowledge(session, {"a/c": ""})
    assert {lane.endpoint: str(one.usd) for lane, one in whole.prices.items()} == {"a/b": "0.2", "a/c": "0.3"}
    assert {lane.endpoint for lane in part.prices} == {"a/c"}
    assert history(engine, Lane("fal", "a/c")) == [("0.3", "second", 0)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["0.1", "0.2"])),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one[0],
    )
)
def test_the_newest_of_the_history_is_the_price_that_holds(
    engine: Engine, said: list[tuple[int, str]]
) -> None:
    endpoint = f"a/{hash(tuple(said))}"
    for minute, usd in said:
        named(engine, usd, minute=minute, endpoint=endpoint)
    with engine.runtime.database.work() as session:
        price = prices.knowledge(session, {endpoint: ""}).prices[Lane("fal", endpoint)]
    found = history(engine, Lane("fal", endpoint))
    assert price.since == NOON + timedelta(minutes=found[0][2])
    assert price_name(price.usd) == found[0][0]
    assert all(one[:2] != other[:2] for one, other in pairwise(found))
