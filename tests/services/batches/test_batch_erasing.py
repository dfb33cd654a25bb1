"""Erasing a batch: its file, what was said of its bad rows, and every one of its jobs."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services import erasing as job_erasing
from services import shredding
from services.batches import completing, erasing, results, retrying
from services.batches.canceling import cancel
from services.batches.expanding import expand
from services.refusals import Conflict, NotFound
from tests.support.batches import batch_counts, batch_jobs, batch_record, fail_job, read_batch
from tests.support.engine import WORKER, Engine
from tests.support.everything import MONEY, everything
from tests.support.sheets import upload

MARKER = "marker7f3a"


def ended(engine: Engine, sheet: str) -> UUID:
    """A batch of this sheet that was read and canceled."""
    batch_id = upload(engine, sheet, defaults={"model": "pair", "input": {"negative_prompt": MARKER}})
    expand(engine.runtime, batch_id, owner=WORKER)
    cancel(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    completing.sweep(engine.runtime)
    assert batch_record(engine, batch_id).ended_at is not None
    return batch_id


def erase(engine: Engine, batch_id: UUID) -> dict[str, Any]:
    answer = erasing.erase(engine.runtime, project_id=engine.project_id, batch_id=batch_id)
    told: dict[str, Any] = answer["erasure"]
    return told


def test_nothing_of_what_a_sheet_said_is_left(engine: Engine) -> None:
    rows = "".join(f"{MARKER} {n},\n" for n in range(3)) + f"x,{MARKER}\n"
    batch_id = ended(engine, f"prompt,duration\n{rows}")
    key = batch_record(engine, batch_id).file_key
    money, counts = everything(engine.runtime, *MONEY), batch_counts(engine, batch_id)
    assert MARKER in everything(engine.runtime, "batches")
    assert MARKER in everything(engine.runtime, "batch_problems")
    told = erase(engine, batch_id)
    assert told["objects"]["left"] == 1
    for _ in range(3):
        shredding.sweep(engine.runtime)
    assert MARKER not in everything(engine.runtime)
    assert engine.runtime.objects.stat(key) is None
    told = erasing.batch_erasure(engine.runtime, engine.project_id, batch_id)
    assert told["done_at"] is not None
    assert batch_record(engine, batch_id).erased_at is not None
    assert {engine.job(job_id).erased_at is not None for job_id in batch_jobs(engine, batch_id)} == {True}
    assert (everything(engine.runtime, *MONEY), batch_counts(engine, batch_id)) == (money, counts)


def test_erasing_again_changes_nothing(engine: Engine) -> None:
    batch_id = ended(engine, "prompt\na kite\n")
    erase(engine, batch_id)
    for _ in range(3):
        shredding.sweep(engine.runtime)
    first = everything(engine.runtime)
    engine.clock.advance(60)
    erase(engine, batch_id)
    shredding.sweep(engine.runtime)
    assert everything(engine.runtime) == first


def test_only_a_batch_that_is_over_is_erased(engine: Engine) -> None:
    batch_id = read_batch(engine, 2)
    with pytest.raises(Conflict, match="running: cancel it first"):
        erase(engine, batch_id)
    with pytest.raises(NotFound):
        erasing.batch_erasure(engine.runtime, engine.project_id, batch_id)
    with pytest.raises(NotFound):
        erasing.erase(engine.runtime, project_id=uuid4(), batch_id=batch_id)


def test_an_erased_batch_has_no_results_to_download_and_nothing_to_retry(engine: Engine) -> None:
    batch_id = read_batch(engine, 1)
    engine.work()
    [job_id] = batch_jobs(engine, batch_id)
    fail_job(engine, job_id)
    completing.sweep(engine.runtime)
    erase(engine, batch_id)
    shredding.sweep(engine.runtime)
    with pytest.raises(Conflict, match="file was erased"):
        results.find(engine.runtime, engine.project_id, batch_id)
    with pytest.raises(Conflict, match="nothing to retry"):
        retrying.retry(engine.runtime, project_id=engine.project_id, batch_id=batch_id)


def test_a_job_of_a_batch_tells_that_its_row_stays_in_the_file(engine: Engine) -> None:
    batch_id = ended(engine, "prompt\na kite\n")
    [job_id] = batch_jobs(engine, batch_id)
    told = job_erasing.erase(engine.runtime, project_id=engine.project_id, job_id=job_id)["erasure"]
    assert any(f"DELETE /v1/batches/{batch_id}" in sentence for sentence in told["kept"])
    shredding.sweep(engine.runtime)
    assert engine.runtime.objects.stat(batch_record(engine, batch_id).file_key) is not None
