"""Sums of costs against the same by another way, for any history of jobs."""

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.costing import together
from services.costs.rollup import sweep
from storage.records import JobRecord
from tests.support.booked import Try, asked, booked, cost, execute, whole
from tests.support.engine import Engine

TABLES = (
    *("cost_shares", "cost_days", "cost_tag_days"),
    *("ledger_entries", "job_events", "attempts", "jobs"),
)
tries = st.builds(
    Try,
    nano=st.none() | st.integers(0, 2**40),
    provider=st.sampled_from(["fal", "linkmodel"]),
    basis=st.sampled_from(["billable_units", "provider_price"]),
    final=st.booleans(),
)
histories = st.lists(
    st.tuples(
        st.lists(tries, max_size=3),
        st.sampled_from(["succeeded", "failed", "canceled", "review", "queued"]),
        st.integers(0, 2**40),
        st.sampled_from([{}, {"client": "a"}, {"client": "b"}]),
    ),
    max_size=4,
)
steps = st.lists(st.none() | st.tuples(st.integers(0, 3), st.integers(0, 2**40)), max_size=4)

History = tuple[Sequence[Try], str, int, dict[str, str]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories=histories, steps=steps)
def test_whatever_happens_the_sums_are_those_of_the_jobs(
    engine: Engine, histories: list[History], steps: list[tuple[int, int] | None]
) -> None:
    for table in (
        "cost_shares",
        "cost_days",
        "cost_tag_days",
        "ledger_entries",
        "job_events",
        "attempts",
        "jobs",
    ):
        execute(engine.runtime, f"DELETE FROM {table}")  # noqa: S608 - constants
    kept = [
        (booked(engine, *given, status=status, held=held, tags=tags), list(given), tags)
        for given, status, held, tags in histories
    ]
    _compare(engine, kept, histories)
    for step in steps:
        costly = [one for one in kept if one[1]]
        if step is None or not costly:
            sweep(engine.runtime)
        else:
            job, given, _ = costly[step[0] % len(costly)]
            cost(engine, job, 1, step[1])
            given[0] = given[0]._replace(nano=step[1], final=True)
        _compare(engine, kept, histories)
    sweep(engine.runtime)
    _compare(engine, kept, histories)


Kept = list[tuple[JobRecord, list[Try], dict[str, str]]]


def _compare(engine: Engine, kept: Kept, histories: list[History]) -> None:
    """By another way: spent by provider, jobs by tag, and the counts of the whole."""
    spent: dict[str, int] = defaultdict(int)
    by_tag: dict[str | None, int] = defaultdict(int)
    unknown = not_final = 0
    for (_, tried, tags), (_, status, _, _) in zip(kept, histories, strict=True):
        by_tag[tags.get("client")] += 1
        is_unknown = any(one.nano is None for one in tried)
        unknown += is_unknown and status != "queued"
        not_final += status != "queued" and not is_unknown and any(not one.final for one in tried)
        for one in tried:
            spent[one.provider] += one.nano or 0
    found = asked(engine, "provider")
    assert {name: sums.spent_nano for (name,), sums in found.items() if sums.spent_nano} == {
        name: nano for name, nano in spent.items() if nano
    }
    total = together(found.values())
    assert (total.unknown, total.not_final, total.jobs) == (unknown, not_final, len(kept))
    assert total.held_nano == sum(held for _, _, held, _ in histories)
    tagged = asked(engine, "tag.client")
    assert {name: sums.jobs for (name,), sums in tagged.items()} == by_tag
    assert together(tagged.values()) == total == whole(engine)
