"""The ledger: it adds up at any moment, for each project by itself."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from storage import ledger
from tests.support.engine import Engine
from tests.support.front import new_project
from tests.support.rows import NOON, a_job, an_attempt, keep

nano = st.integers(0, 2**60)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reserves=st.lists(nano, max_size=5), costs=st.lists(st.none() | nano, max_size=5))
def test_held_and_spent_are_the_sums_of_what_was_booked(
    engine: Engine, reserves: list[int], costs: list[int | None]
) -> None:
    project_id = new_project(engine.runtime).id
    job = a_job(project_id=project_id)
    attempts = [an_attempt(job, number=n, cost_nano=cost) for n, cost in enumerate(costs)]
    keep(engine.runtime, job, *attempts)
    with engine.runtime.database.work() as session:
        for amount in reserves:
            ledger.reserve(session, job, amount, NOON)
        for attempt in attempts:
            ledger.settle(session, job, attempt, NOON)
        assert ledger.held_and_spent(session, project_id) == (
            sum(reserves),
            sum(cost for cost in costs if cost is not None),
        )
        for amount in reserves:
            ledger.release(session, job, amount, NOON)
        assert ledger.held_and_spent(session, project_id)[0] == 0
    assert engine.held_and_spent() == (0, 0)


def test_booking_reads_no_job_but_its_own_however_few_there_were_at_first(engine: Engine) -> None:
    all_jobs = [a_job(project_id=engine.project_id) for _ in range(300)]
    keep(engine.runtime, *all_jobs)
    with engine.runtime.database.work() as session:
        for _ in range(8):
            for job in all_jobs[:32]:
                ledger.reserve(session, job, 5, NOON)
            session.flush()
        read = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'jobs'")
        assert session.connection().execute(read).scalar_one() == 0
