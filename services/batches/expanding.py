"""From a batch's file to its jobs: slices of rows, each one commit, taken up again where one was killed."""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import BinaryIO, Final
from uuid import UUID

import structlog
from pydantic_core import to_json

from domain.batches import BatchState
from domain.sheets.defaults import RowDefaults
from domain.sheets.errors import SheetError
from domain.sheets.interpreting import Interpreter
from domain.sheets.problems import RowProblem
from domain.sheets.reading import Row, Sheet, open_sheet
from services.batches.rows import RowPlanner
from services.batches.telling import tell
from services.prices.knowing import known_of
from services.runtime import Runtime
from storage import agenda, prices
from storage.batches import reading, states
from storage.batches.reading import Slice
from storage.batches.rows import NewRow
from storage.claims import Lease
from storage.objects.base import StoreError
from storage.records import BatchRecord

# As long as the largest slice may take, and what a killed worker costs.
LEASE: Final = timedelta(seconds=20)
SLICE_ROWS: Final = 2_000
_SLICE_BYTES: Final = 4 << 20
_HAND_OVER_SECONDS: Final = 0.0005
_CHUNK_BYTES: Final = 1 << 20
_AGAIN: Final = timedelta(seconds=10)
_UNREAD: Final = frozenset({BatchState.READING, BatchState.PAUSED})

log = structlog.get_logger(__name__)


def expand(runtime: Runtime, batch_id: UUID, *, owner: str, rows: int = SLICE_ROWS) -> None:
    """Read a batch's file to its end, from after the last row that was committed; ``rows`` in each slice."""
    with runtime.database.work() as session:
        batch = reading.take(session, batch_id, _lease(runtime, owner))
    if batch is None:
        return
    try:
        if batch.strict and batch.read_rows == 0 and not _all_good(runtime, batch):
            return
        with runtime.objects.open(batch.file_key) as stream:
            _Reading(runtime, batch, stream, owner).go(rows)
    except StoreError as error:
        log.warning("batch_file_away", batch_id=str(batch_id), reason=str(error))
        with runtime.database.work() as session:
            reading.put_off(session, [batch_id], owner=owner, until=runtime.clock() + _AGAIN)
    except SheetError as error:
        # It was whole when it was uploaded: somebody has changed it since.
        _fail(runtime, batch, f"its file cannot be read any further: {error}")


class _Reading:
    """One run through a file: what was read before is only recalled, the rest is written slice by slice."""

    def __init__(self, runtime: Runtime, batch: BatchRecord, stream: BinaryIO, owner: str) -> None:
        self._runtime = runtime
        self._batch = batch
        self._owner = owner
        self._sheet = _opened(stream)
        self._interpreter = Interpreter(self._sheet.header, RowDefaults.model_validate(batch.defaults))
        self._planner = _planner(runtime, batch, self._sheet)

    def go(self, most: int) -> None:
        """Write every slice that is left, and note the end; gives up where another holds the batch.

        While the database takes one slice the next is read and planned: with one after the other, each would
        wait for the other half of the time.
        """
        for row in islice(self._sheet, self._batch.read_rows):
            self._interpreter.recall(row)
        # The writer goes on at once when the database has answered, ten times a slice, not up to 5 ms later.
        # It is the process's, and only ever has this one value.
        sys.setswitchinterval(_HAND_OVER_SECONDS)
        with ThreadPoolExecutor(1, "slices") as writer:
            written: Future[bool] | None = None
            for slice_ in self._slices(most):
                if written is not None and not written.result():
                    return
                written = writer.submit(self._write, slice_)
            if written is not None and not written.result():
                return
        with self._runtime.database.work() as session:
            reading.finish(session, self._batch.id, owner=self._owner, at=self._runtime.clock())
            agenda.wake(session)

    def _slices(self, most: int) -> Iterator[Slice]:
        while rows := self._next_rows(most):
            good: list[NewRow] = []
            problems: list[RowProblem] = []
            for row in rows:
                planned = _planned(self._interpreter, self._planner, row)
                if isinstance(planned, NewRow):
                    good.append(planned)
                else:
                    problems += planned
            yield Slice(
                rows=good,
                problems=problems,
                bad=len(rows) - len(good),
                before=rows[0].number,
                after=rows[-1].number + 1,
                quotes=to_json(self._planner.estimate.quotes()).decode(),
            )

    def _next_rows(self, most: int) -> list[Row]:
        """Rows for one slice: fewer than ``most`` where they are large, for two slices are held at a time."""
        end = self._sheet.offset + _SLICE_BYTES
        rows: list[Row] = []
        for row in islice(self._sheet, most):
            rows.append(row)
            if self._sheet.offset >= end:
                break
        return rows

    def _write(self, slice_: Slice) -> bool:
        lease = _lease(self._runtime, self._owner)
        with self._runtime.database.work() as session:
            written = reading.write(session, self._batch, slice_, lease)
            agenda.wake(session)
        return written


def _all_good(runtime: Runtime, batch: BatchRecord) -> bool:
    """Whether every row of a strict batch can run; where one cannot, the batch fails and nothing runs."""
    problems: list[RowProblem] = []
    with runtime.objects.open(batch.file_key) as stream:
        sheet = _opened(stream)
        interpreter = Interpreter(sheet.header, RowDefaults.model_validate(batch.defaults))
        planner = _planner(runtime, batch, sheet)
        for row in sheet:
            planned = _planned(interpreter, planner, row)
            if not isinstance(planned, NewRow):
                problems += planned
    if problems:
        bad = len({problem.row for problem in problems})
        _fail(runtime, batch, f"{bad} of its {batch.rows} rows are wrong, and it is strict", problems)
    return not problems


def _fail(runtime: Runtime, batch: BatchRecord, why: str, problems: Sequence[RowProblem] = ()) -> None:
    """End a batch as failed; what is wrong with its rows is kept."""
    with runtime.database.work() as session:
        now = runtime.clock()
        ended = {"reason": why, "ended_at": now, "read_at": now, "next_at": None, "owner": None}
        failed = states.move(session, batch.id, BatchState.FAILED, among=_UNREAD, **ended)
        if failed is None:
            return
        if problems:
            reading.refuse(session, failed, problems)
        tell(runtime, session, failed, "batch.completed")
    log.info("batch_failed", batch_id=str(batch.id))


def _lease(runtime: Runtime, owner: str) -> Lease:
    return Lease(owner, runtime.clock(), LEASE.total_seconds())


def _opened(stream: BinaryIO) -> Sheet:
    chunks: Iterator[bytes] = iter(partial(stream.read, _CHUNK_BYTES), b"")
    return open_sheet(chunks)


def _planner(runtime: Runtime, batch: BatchRecord, sheet: Sheet) -> RowPlanner:
    with runtime.database.work() as session:
        known = known_of(runtime, prices.knowledge(session))
    return RowPlanner(runtime, sheet.header, known=known, quotes=batch.quotes)


def _planned(interpreter: Interpreter, planner: RowPlanner, row: Row) -> NewRow | list[RowProblem]:
    read = interpreter.read(row)
    return read if isinstance(read, list) else planner.plan(read)
