"""Batches whose rows are in every state: the file as it was uploaded, and jobs and files as they became."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from domain.lifecycle import ENDED
from domain.sheets.reading import open_sheet
from services.runtime import Runtime
from storage.objects.keys import object_key
from storage.records import AssetRecord, AttemptRecord, BatchProblemRecord, BatchRecord, JobRecord
from storage.records.columns import new_id
from tests.support.rows import NOON, a_job, an_asset, an_attempt, keep


def put(runtime: Runtime, key: str, data: bytes, content_type: str = "text/csv") -> None:
    """Store bytes as they are."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        path.write_bytes(data)
        runtime.objects.put(key, path, content_type=content_type, sha256=sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    """A batch that was read, and the means to say what became of its rows."""

    runtime: Runtime
    record: BatchRecord

    def job(self, row: int, status: str = "queued", **fields: Any) -> JobRecord:  # noqa: ANN401 - columns
        """The job of a row; the rows are counted from 0."""
        [job] = self.jobs([row], status, **fields)
        return job

    def jobs(self, rows: Iterable[int], status: str = "queued", **fields: Any) -> list[JobRecord]:  # noqa: ANN401
        """The jobs of many rows, all in one state."""
        given: dict[str, Any] = {
            "project_id": self.record.project_id,
            "batch_id": self.record.id,
            "status": status,
            "ended_at": NOON if status in ENDED else None,
        }
        made = [a_job(row_number=row, **(given | fields)) for row in rows]
        with self.runtime.database.work() as session:
            session.add_all(made)
        return made

    def made(self, row: int, *files: bytes, **fields: Any) -> tuple[JobRecord, AttemptRecord]:  # noqa: ANN401
        """A row whose job has succeeded and made these files, for 0.305 dollars."""
        job = self.job(row, "succeeded", **fields)
        attempt = an_attempt(job, status="succeeded", cost_nano=305_000_000, ended_at=NOON)
        keep(self.runtime, attempt, *(self._file(attempt, n, data) for n, data in enumerate(files)))
        return job, attempt

    def problem(self, row: int, n: int = 0, **fields: Any) -> None:  # noqa: ANN401 - columns
        """One thing that is wrong with a row that was not run."""
        keep(self.runtime, self.a_problem(row, n, **fields))

    def a_problem(self, row: int, n: int = 0, **fields: Any) -> BatchProblemRecord:  # noqa: ANN401 - columns
        """The same, not yet written down."""
        defaults: dict[str, Any] = {
            "batch_id": self.record.id,
            "row_number": row,
            "n": n,
            "line": row + 2,
            "column_name": "duration",
            "code": "out_of_range",
            "message": "999 is more than 600",
            "expected": "a whole number of seconds, 1 to 600",
        }
        return BatchProblemRecord(**(defaults | fields))

    def _file(self, attempt: AttemptRecord, n: int, data: bytes) -> AssetRecord:
        key = object_key(str(self.record.project_id), NOON, attempt.job_id, n, "mp4")
        put(self.runtime, key, data, "video/mp4")
        return an_asset(attempt, n=n, key=key, bytes=len(data), sha256=sha256(data).hexdigest())


def a_batch(runtime: Runtime, project_id: UUID, file: bytes, **fields: Any) -> FinishedBatch:  # noqa: ANN401
    """A batch of this file, read to its end."""
    batch_id = new_id()
    sheet = open_sheet([file])
    defaults: dict[str, Any] = {
        "id": batch_id,
        "project_id": project_id,
        "state": "running",
        "defaults": {},
        "priority": "normal",
        "fingerprint": "",
        "file_key": f"batches/{batch_id}/upload.csv",
        "file_bytes": len(file),
        "file_sha256": sha256(file).hexdigest(),
        "header": list(sheet.header.names),
        "separator": sheet.header.separator,
        "rows": len(list(sheet)),
        "quotes": {},
        "created_at": NOON,
        "read_at": NOON,
    }
    record = BatchRecord(**(defaults | fields))
    put(runtime, record.file_key, file)
    keep(runtime, record)
    return FinishedBatch(runtime, record)
