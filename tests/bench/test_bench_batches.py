"""What batches are measured with: whole sheets, a floor that leaves no trace, and successes on paper."""

import os
from pathlib import Path

import psycopg
import pytest

from bench import sheets
from bench.copied import copy_seconds
from bench.outcomes import succeed
from bench.peaks import memory, peaks
from bench.world import World
from domain.lifecycle import JobStatus
from domain.sheets.columns import columns
from domain.sheets.defaults import RowDefaults
from domain.sheets.interpreting import Interpreter, RowRequest
from domain.sheets.limits import MAX_FILE_BYTES, MAX_ROWS
from domain.sheets.reading import open_sheet
from tests.support.batches import batch_counts, batch_record, read_batch, waiting_rows
from tests.support.engine import Engine
from tests.support.finished_batches import FinishedBatch
from tests.support.until import until

ROWS = 200
BLOCK_MB = 64


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, rounds=1, jobs=1, quick=True, say=lambda _: None)


@pytest.mark.parametrize("characters", [60, 1_820])
def test_every_row_that_is_measured_can_run_and_no_two_are_alike(world: World, characters: int) -> None:
    written = sheets.write(world, "measured", ROWS, prompt_characters=characters)
    sheet = open_sheet([written.path.read_bytes()])
    interpreter = Interpreter(sheet.header, RowDefaults())
    rows = [interpreter.read(row) for row in sheet]
    good = [row for row in rows if isinstance(row, RowRequest)]
    assert len(good) == ROWS
    assert [one.name for one in columns(sheet.header)] == ["row_id", "prompt", "model", "seed"]
    prompts = {row.request.input.prompt for row in good}
    assert len(prompts) == ROWS
    assert all(prompt.startswith(written.mark) for prompt in prompts)


def test_the_largest_sheet_that_is_measured_is_one_that_is_taken(world: World) -> None:
    written = sheets.write(world, "long", ROWS, prompt_characters=1_820)
    whole = written.path.stat().st_size * MAX_ROWS / ROWS
    assert 0.9 * MAX_FILE_BYTES < whole * 1.03 < MAX_FILE_BYTES


def test_copying_rows_beside_leaves_them_as_they_are_and_no_database_behind(
    engine: Engine, database_url: str
) -> None:
    batch_id = read_batch(engine, 7)
    assert copy_seconds(database_url, str(batch_id)) > 0
    assert batch_counts(engine, batch_id).jobs[JobStatus.QUEUED] == 7
    with psycopg.connect(plain(database_url)) as connection:
        assert connection.execute("SELECT FROM pg_database WHERE datname = 'plain'").fetchall() == []


def test_all_rows_of_a_batch_succeed_as_another_job_did(engine: Engine, database_url: str) -> None:
    ran = FinishedBatch(engine.runtime, batch_record(engine, read_batch(engine, 1)))
    job, attempt = ran.made(5, b"a film")
    batch_id = read_batch(engine, 7)
    succeed(plain(database_url), str(batch_id))
    assert batch_counts(engine, batch_id).jobs[JobStatus.SUCCEEDED] == 7
    assert waiting_rows(engine, batch_id) == []
    with psycopg.connect(plain(database_url)) as connection:
        found = connection.execute(
            "SELECT attempts.cost_nano, assets.sha256 FROM jobs "
            "JOIN attempts ON attempts.job_id = jobs.id JOIN assets ON assets.job_id = jobs.id "
            "WHERE batch_id = %s",
            (batch_id,),
        ).fetchall()
    [asset] = engine.assets(job.id)
    assert found == [(attempt.cost_nano, asset.sha256)] * 7


def test_the_peak_holds_when_the_memory_is_given_back() -> None:
    own = {"own": os.getpid()}
    before = memory(own)["own"]
    with peaks(own) as most:
        block = bytearray(os.urandom(1 << 20) * BLOCK_MB)
        until(lambda: most["own"] > before + BLOCK_MB / 2, "the look that sees it")
        del block
    assert most["own"] - before > BLOCK_MB / 2


def plain(database_url: str) -> str:
    return database_url.replace("+psycopg", "")
