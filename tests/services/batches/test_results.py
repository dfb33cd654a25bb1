"""Results of more rows than a page holds: in order, without a gap, and without holding a connection."""

import csv
import json
from collections.abc import Iterator
from io import StringIO

import pytest

from services.batches import results
from services.runtime import Runtime
from tests.support.finished_batches import FinishedBatch, a_batch
from tests.support.front import new_project

ROWS = 2 * results.PAGE_ROWS + 1
SHEET = b"n,prompt\n" + b"".join(b"%d,%s\n" % (number, b"a kite" * 20) for number in range(ROWS))


@pytest.fixture(scope="module")
def batch(runtime: Runtime) -> FinishedBatch:
    """Every seventh row is bad, every third of the others failed; the last two rows are not read yet."""
    made = a_batch(runtime, new_project(runtime).id, SHEET)
    good = [row for row in range(ROWS - 2) if row % 7]
    made.jobs((row for row in good if row % 3), "succeeded")
    made.jobs((row for row in good if not row % 3), "failed")
    with runtime.database.work() as session:
        session.add_all([made.a_problem(row, n) for row in range(0, ROWS - 2, 7) for n in range(8)])
    return made


def rows(blocks: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(b"".join(blocks).decode(), newline="")))


def test_results_hold_each_good_row_once_and_beside_its_own_job(batch: FinishedBatch) -> None:
    found = rows(results.results_csv(batch.runtime, batch.record, "", bom=False))
    assert [int(row["n"]) for row in found] == [row for row in range(ROWS - 2) if row % 7]
    assert all((row["status"] == "failed") == (int(row["n"]) % 3 == 0) for row in found)
    lines = b"".join(results.results_jsonl(batch.runtime, batch.record, "")).splitlines()
    assert [json.loads(line)["row_number"] for line in lines] == [int(row["n"]) + 1 for row in found]


def test_errors_hold_each_problem_and_then_each_failed_job(batch: FinishedBatch) -> None:
    found = rows(results.errors_csv(batch.runtime, batch.record, bom=False))
    bad = [row for row in range(0, ROWS - 2, 7) for _ in range(8)]
    failed = [row for row in range(ROWS - 2) if row % 7 and not row % 3]
    assert [int(row["n"]) for row in found] == bad + failed
    assert [row["row"] for row in found] == [str(int(row["n"]) + 1) for row in found]
    assert {row["status"] for row in found[len(bad) :]} == {"failed"}


def test_no_connection_is_held_while_the_client_reads(batch: FinishedBatch) -> None:
    blocks = results.results_csv(batch.runtime, batch.record, "", bom=False)
    for _ in range(3):
        next(blocks)
        assert batch.runtime.database.engine.pool.status().endswith("Checked out connections: 0")
    blocks.close()
