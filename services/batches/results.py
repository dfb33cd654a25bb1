"""A batch's results: its own file read once more, beside what became of each row, as a stream."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Final, Protocol, TypeVar
from uuid import UUID

from domain.lifecycle import SETTLED, JobStatus
from domain.money import format_usd
from domain.sheets import results as tables
from domain.sheets.reading import Row, Sheet, open_sheet
from domain.sheets.results import ErrorRow, Outcome, ResultRow, RowError
from services.batches.views import no_batch
from services.refusals import Conflict, Unavailable
from services.runtime import Runtime
from storage.batches import queries
from storage.batches.results import BadRow, PageAfter, RowOutcome, bad_rows, outcomes
from storage.database import Session
from storage.objects.base import StoreError
from storage.records import BatchRecord

PAGE_ROWS: Final = 2_000
_CHUNK_BYTES: Final = 256 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_ALL: Final = frozenset(JobStatus)
# What is told of the jobs among the errors whose record does not say why.
_UNSAID: Final[Mapping[JobStatus, str]] = {
    JobStatus.FAILED: "the job failed",
    JobStatus.CANCELED: "the job was canceled",
    JobStatus.REVIEW: "nobody can say yet whether the provider took it: see GET /v1/jobs/{id}/resolve",
}


class OfRow(Protocol):
    """What belongs to a row of the file."""

    @property
    def row_number(self) -> int:
        """The number of the row, from 0 on."""
        ...


Found = TypeVar("Found", bound=OfRow)
Blocks = Generator[bytes, None, None]


class FileChanged(Exception):  # noqa: N818 - names the fact
    """The uploaded file has fewer rows than when it was read."""


def find(runtime: Runtime, project_id: UUID, batch_id: UUID) -> BatchRecord:
    """A project's own batch; raises NotFound, or Conflict where its file was erased."""
    with runtime.database.work() as session:
        found = queries.batch_of_project(session, project_id, batch_id)
    if found is None:
        raise no_batch(batch_id)
    if found.erase_requested_at is not None:
        raise Conflict(
            "this batch's file was erased: what became of its jobs is at GET /v1/jobs?batch_id=…",
            code="batch_erased",
        )
    return found


def results_csv(runtime: Runtime, batch: BatchRecord, base_url: str, *, bom: bool) -> Blocks:
    """Every row that has a job: the customer's own columns, then what became of it.

    ``base_url`` is where the links to its files lead. Here and below the first block is made when it is asked
    for; raises Unavailable where the object store is away, and FileChanged.
    """
    if bom:
        yield _BYTE_ORDER_MARK
    with _sheet(runtime, batch) as sheet:
        rows = _result_rows(runtime, batch, sheet, base_url)
        yield from tables.results_csv(sheet.header.names, rows, separator=batch.separator)


def results_jsonl(runtime: Runtime, batch: BatchRecord, base_url: str) -> Blocks:
    """The same as JSON, an object a line."""
    with _sheet(runtime, batch) as sheet:
        yield from tables.results_jsonl(_result_rows(runtime, batch, sheet, base_url))


def errors_csv(runtime: Runtime, batch: BatchRecord, *, bom: bool) -> Blocks:
    """Every problem of the rows that were not run, and then each job that was not brought to a good end."""
    if bom:
        yield _BYTE_ORDER_MARK
    with _sheet(runtime, batch) as sheet:
        rows = chain(_bad_rows(runtime, batch, sheet), _failed_rows(runtime, batch))
        yield from tables.errors_csv(sheet.header.names, rows, separator=batch.separator)


def errors_jsonl(runtime: Runtime, batch: BatchRecord) -> Blocks:
    """The same as JSON, an object a line, and each cell as it stands."""
    with _sheet(runtime, batch) as sheet:
        rows = chain(_bad_rows(runtime, batch, sheet), _failed_rows(runtime, batch))
        yield from tables.errors_jsonl(sheet.header.names, rows)


def pages(
    runtime: Runtime, batch: BatchRecord, read: Callable[[Session, PageAfter], Sequence[Found]]
) -> Iterator[Found]:
    """What ``read`` finds, page by page; between two pages no connection is held."""
    after = -1
    while True:
        with runtime.database.work() as session:
            page = read(session, PageAfter(batch.id, after, PAGE_ROWS))
        if not page:
            return
        yield from page
        after = page[-1].row_number


@contextmanager
def _sheet(runtime: Runtime, batch: BatchRecord) -> Iterator[Sheet]:
    try:
        with runtime.objects.open(batch.file_key) as stream:
            yield open_sheet(iter(partial(stream.read, _CHUNK_BYTES), b""))
    except StoreError as error:
        raise Unavailable(
            f"the batch's file cannot be read just now: {error}", code="store_unavailable"
        ) from error


def _jobs(runtime: Runtime, batch: BatchRecord, among: Iterable[JobStatus]) -> Iterator[RowOutcome]:
    wanted = frozenset(among)
    return pages(runtime, batch, lambda session, page: outcomes(session, page, wanted, now=runtime.clock()))


def _beside(sheet: Iterator[Row], found: Iterable[Found]) -> Iterator[tuple[Row, Found]]:
    """Each find with its row; both come in the order of the file, and a row may have several."""
    row: Row | None = None
    for one in found:
        while row is None or row.number < one.row_number:
            row = next(sheet, None)
            if row is None:
                raise FileChanged(f"the file ends before row {one.row_number + 1}, which was read from it")
        yield row, one


def _result_rows(runtime: Runtime, batch: BatchRecord, sheet: Sheet, base_url: str) -> Iterator[ResultRow]:
    names = sheet.header.names
    for row, job in _beside(sheet, _jobs(runtime, batch, _ALL)):
        own = {} if job.erased else _named(names, row.cells)
        yield ResultRow(own, _outcome(job, base_url), job.row_number)


def _named(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """A good row's cells by their columns; what has no name is empty in it."""
    return {name: cell for name, cell in zip(names, cells, strict=False) if name}


def _outcome(job: RowOutcome, base_url: str) -> Outcome:
    return {
        "job_id": job.job_id,
        "status": job.status,
        "provider": job.provider,
        "cost_usd": _cost(job),
        "total_seconds": round(max(job.seconds, 0.0), 3),
        "asset_urls": [f"{base_url}/v1/jobs/{job.job_id}/assets/{n}" for n in job.assets],
        "error_code": job.error_code,
        "error_message": job.error_message,
    }


def _cost(job: RowOutcome) -> str | None:
    """The sum over all attempts; None as soon as one of them has no known cost."""
    if not job.attempts:
        return format_usd(0) if job.status in SETTLED else None
    return format_usd(job.cost_nano or 0) if job.priced == job.attempts else None


def _bad_rows(runtime: Runtime, batch: BatchRecord, sheet: Sheet) -> Iterator[ErrorRow]:
    for row, problem in _beside(sheet, pages(runtime, batch, bad_rows)):
        yield ErrorRow(row.cells, _bad(row, problem))


def _failed_rows(runtime: Runtime, batch: BatchRecord) -> Iterator[ErrorRow]:
    with _sheet(runtime, batch) as sheet:
        for row, job in _beside(sheet, _jobs(runtime, batch, _UNSAID)):
            yield ErrorRow([] if job.erased else row.cells, _failed(row, job))


def _bad(row: Row, problem: BadRow) -> RowError:
    return RowError(row.line, row.number + 1, problem.column, problem.code, problem.message, problem.expected)


def _failed(row: Row, job: RowOutcome) -> RowError:
    return RowError(
        row.line,
        row.number + 1,
        None,
        job.error_code or job.status,
        job.error_message or _UNSAID[JobStatus(job.status)],
        job_id=job.job_id,
        status=job.status,
    )
