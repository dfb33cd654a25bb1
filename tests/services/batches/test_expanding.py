"""From a file to jobs: every good row once, every bad row told, whoever is killed in between."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from io import StringIO
from uuid import UUID

import pytest
from sqlmodel import col, select

from domain.batches import BatchState
from domain.lifecycle import JobStatus
from services.batches import expanding
from services.batches.expanding import expand
from services.runtime import Runtime
from storage.batches import tallies
from storage.records import (
    BatchProblemRecord,
    BatchRecord,
    BatchWaitRecord,
    EventRecord,
    JobRecord,
)
from tests.support.engine import WATCHER, WORKER, Engine
from tests.support.sheets import upload

SHEET = "row_id,prompt,seed,shelf\nr1,a red kite,1,top\nr2,,2,top\nr3,a blue kite,x,top\nr4,last,4,low\n"


def batch_of(engine: Engine, batch_id: UUID) -> BatchRecord:
    with engine.runtime.database.work() as session:
        found = session.get(BatchRecord, batch_id)
    assert found is not None
    return found


def jobs_of(engine: Engine, batch_id: UUID) -> Sequence[JobRecord]:
    found = select(JobRecord).where(JobRecord.batch_id == batch_id).order_by(col(JobRecord.row_number))
    with engine.runtime.database.work() as session:
        return session.exec(found).all()


def waits_of(engine: Engine, batch_id: UUID) -> Sequence[BatchWaitRecord]:
    found = select(BatchWaitRecord).where(BatchWaitRecord.batch_id == batch_id)
    with engine.runtime.database.work() as session:
        return session.exec(found.order_by(col(BatchWaitRecord.row_number))).all()


def problems_of(engine: Engine, batch_id: UUID) -> Sequence[BatchProblemRecord]:
    found = select(BatchProblemRecord).where(BatchProblemRecord.batch_id == batch_id)
    with engine.runtime.database.work() as session:
        return session.exec(found.order_by(col(BatchProblemRecord.row_number))).all()


def test_good_rows_become_jobs_and_bad_ones_are_told(engine: Engine) -> None:
    batch_id = upload(engine, SHEET, priority="high", defaults={"model": "pair", "priority": "high"})
    expand(engine.runtime, batch_id, owner=WORKER)
    batch = batch_of(engine, batch_id)
    assert (batch.state, batch.read_rows, batch.bad_rows, batch.next_at) == (BatchState.RUNNING, 4, 2, None)
    jobs = jobs_of(engine, batch_id)
    assert [(job.row_number, job.row_id, job.input["prompt"], job.input["seed"]) for job in jobs] == [
        (0, "r1", "a red kite", 1),
        (3, "r4", "last", 4),
    ]
    assert {(job.status, job.priority, job.reserved_nano, job.quoted_nano) for job in jobs} == {
        ("queued", "high", 0, 20_000_000)
    }
    assert [(row.job_id, row.held_nano) for row in waits_of(engine, batch_id)] == [
        (jobs[0].id, 30_000_000),
        (jobs[1].id, 30_000_000),
    ]
    problems = [(one.line, one.row_id, one.column_name, one.code) for one in problems_of(engine, batch_id)]
    assert problems == [(3, "r2", "prompt", "missing"), (4, "r3", "seed", "not_a_number")]
    assert batch.quotes == {
        "pair|linkmodel|pair-a": {
            "rows": 2,
            "unpriced": 0,
            "low_nano": 40_000_000,
            "high_nano": 40_000_000,
        }
    }


def test_whatever_a_cell_holds_is_kept_as_it_stands(engine: Engine) -> None:
    evil = [
        "\\",
        "\\N",
        "\\.",
        "a\tb",
        'a "quoted" one',
        "two\nlines",
        "two\r\nlines",
        "\\t",
        "x\x0by\x1fz",
        "ü 🪁\u2028",
    ]
    text = StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerows(
        [["row_id", "prompt", "tag.t", "extra.e"], *([f"{one}.", one, f"{one}.", one] for one in evil)]
    )
    batch_id = upload(engine, text.getvalue())
    expand(engine.runtime, batch_id, owner=WORKER)
    jobs = jobs_of(engine, batch_id)
    assert [job.input["prompt"] for job in jobs] == evil
    assert [job.row_id for job in jobs] == [f"{one}." for one in evil]
    assert [job.tags["t"] for job in jobs] == [f"{one}." for one in evil]
    assert [job.input["extra"]["e"] for job in jobs] == [one.strip() for one in evil]
    assert [wait.job_id for wait in waits_of(engine, batch_id)] == [job.id for job in jobs]
    assert [job.id for job in jobs] == sorted(job.id for job in jobs)


def test_slices_of_large_rows_are_smaller(engine: Engine) -> None:
    large = "x" * 150_000
    batch_id = upload(engine, "prompt,note\n" + f"a kite,{large}{large}{large}\n" * 40)
    with pytest.raises(PowerCutError):
        expand(dying(engine, 2), batch_id, owner=WORKER)
    assert batch_of(engine, batch_id).read_rows == 10


class PowerCutError(Exception):
    """The process dies here."""


def dying(engine: Engine, after: int) -> Runtime:
    """Parts whose clock is asked so often, and then no more."""
    left = iter(range(after))

    def clock() -> datetime:
        if next(left, None) is None:
            raise PowerCutError
        return engine.clock()

    return replace(engine.runtime, clock=clock)


def test_reading_is_taken_up_after_the_last_row_that_was_committed(engine: Engine) -> None:
    rows = "".join(f"r{n},kite {n}\n" for n in range(10))
    batch_id = upload(engine, f"row_id,prompt\n{rows}r1,the same row id again\n")
    seen = []
    for after in (1, 2, 3, 2):
        with pytest.raises(PowerCutError):
            expand(dying(engine, after), batch_id, owner="worker:killed", rows=3)
        seen.append(batch_of(engine, batch_id).read_rows)
        expand(engine.runtime, batch_id, owner=WORKER, rows=3)
        assert batch_of(engine, batch_id).read_rows == seen[-1], "the killed one's lease holds"
        engine.clock.advance(expanding.LEASE.total_seconds() + 1)
    assert seen == [0, 3, 9, 11]
    expand(engine.runtime, batch_id, owner=WORKER, rows=3)
    assert [job.row_id for job in jobs_of(engine, batch_id)] == [f"r{n}" for n in range(10)]
    assert [one.code for one in problems_of(engine, batch_id)] == ["duplicate_row_id"]
    assert batch_of(engine, batch_id).state == BatchState.RUNNING


def test_a_batch_that_was_read_is_not_read_again(engine: Engine) -> None:
    batch_id = upload(engine, SHEET)
    for _ in range(2):
        expand(engine.runtime, batch_id, owner=WORKER)
    assert len(jobs_of(engine, batch_id)) == 2


def test_who_has_lost_the_batch_writes_nothing_more(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\n1\n2\n")
    asked: list[datetime] = []

    def clock() -> datetime:
        asked.append(engine.clock())
        if len(asked) == 2:
            with engine.runtime.database.work() as session:
                batch = session.get(BatchRecord, batch_id)
                assert batch is not None
                batch.owner = "worker:another"
        return asked[-1]

    expand(replace(engine.runtime, clock=clock), batch_id, owner=WORKER, rows=1)
    assert jobs_of(engine, batch_id) == []
    assert batch_of(engine, batch_id).read_at is None


def test_of_a_strict_batch_with_a_bad_row_nothing_runs(engine: Engine) -> None:
    batch_id = upload(engine, SHEET, strict=True, callback_url="https://example.com/hooks")
    expand(engine.runtime, batch_id, owner=WORKER)
    batch = batch_of(engine, batch_id)
    assert (batch.state, batch.bad_rows, batch.reason) == (
        BatchState.FAILED,
        2,
        "2 of its 4 rows are wrong, and it is strict",
    )
    assert jobs_of(engine, batch_id) == []
    assert len(problems_of(engine, batch_id)) == 2
    with engine.runtime.database.work() as session:
        [event] = session.exec(select(EventRecord).where(EventRecord.batch_id == batch_id)).all()
    assert event.type == "batch.completed"


def test_a_strict_batch_without_a_bad_row_runs_once_all_is_read(engine: Engine) -> None:
    batch_id = upload(engine, "prompt\na red kite\n", strict=True)
    expand(engine.runtime, batch_id, owner=WORKER)
    assert batch_of(engine, batch_id).state == BatchState.RUNNING
    assert len(jobs_of(engine, batch_id)) == 1


def test_a_file_that_is_gone_is_asked_for_again_later(engine: Engine) -> None:
    batch_id = upload(engine, SHEET)
    engine.runtime.objects.delete(batch_of(engine, batch_id).file_key)
    expand(engine.runtime, batch_id, owner=WORKER)
    batch = batch_of(engine, batch_id)
    assert batch.owner is None
    assert batch.next_at is not None
    assert (batch.next_at - engine.clock()).total_seconds() == 10


def test_a_file_that_was_changed_ends_its_batch(engine: Engine) -> None:
    batch_id = upload(engine, SHEET)
    path = engine.runtime.settings.data_dir / "bad.csv"
    path.write_bytes(b"prompt\n\xff\n")
    digest = sha256(path.read_bytes()).hexdigest()
    engine.runtime.objects.put("batches/other.csv", path, content_type="text/csv", sha256=digest)
    with engine.runtime.database.work() as session:
        batch = session.get(BatchRecord, batch_id)
        assert batch is not None
        batch.file_key = "batches/other.csv"
    expand(engine.runtime, batch_id, owner=WORKER)
    batch = batch_of(engine, batch_id)
    assert batch.state == BatchState.FAILED
    assert batch.reason is not None
    assert "byte 7" in batch.reason


def test_a_paused_batch_is_read_all_the_same(engine: Engine) -> None:
    batch_id = upload(engine, SHEET, state=BatchState.PAUSED, reason="on request")
    expand(engine.runtime, batch_id, owner=WORKER)
    batch = batch_of(engine, batch_id)
    assert (batch.state, batch.read_rows) == (BatchState.PAUSED, 4)


def test_the_watcher_has_what_was_uploaded_read(engine: Engine) -> None:
    batch_id = upload(engine, SHEET)
    notes = engine.claim().notes
    assert [(note.task, note.queue, note.ids) for note in notes] == [("read", "batches", (batch_id,))]
    assert batch_of(engine, batch_id).owner == WATCHER
    assert engine.claim().notes == []


def test_the_counts_are_those_of_the_jobs(engine: Engine) -> None:
    batch_id = upload(engine, SHEET)
    expand(engine.runtime, batch_id, owner=WORKER)
    with engine.runtime.database.work() as session:
        before = tallies.counts(session, [batch_id])[batch_id]
        tallies.sum_up(session)
        after = tallies.counts(session, [batch_id])[batch_id]
    assert (before.total, before.jobs[JobStatus.QUEUED]) == (2, 2)
    assert before == after
