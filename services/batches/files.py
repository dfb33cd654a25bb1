"""The files that a batch's rows have made: each one's place in an archive or a folder, and their list."""

from collections.abc import Iterator

from domain.asset_paths import asset_path
from domain.sheets.writing import json_blocks
from services.batches.results import Blocks, pages
from services.runtime import Runtime
from storage.batches.results import StoredFile, stored_files
from storage.records import BatchRecord


def path_of(batch: BatchRecord, file: StoredFile) -> str:
    """Where a file belongs: the same place in the archive and in the list."""
    return asset_path(file.row_number + 1, batch.rows, file.row_id, file.n, file.key.rpartition(".")[2])


def assets_jsonl(runtime: Runtime, batch: BatchRecord) -> Blocks:
    """Every file of the jobs that have succeeded, in the order of the rows: a JSON object a line."""
    yield from json_blocks(_records(runtime, batch))


def _records(runtime: Runtime, batch: BatchRecord) -> Iterator[dict[str, object]]:
    for file in pages(runtime, batch, stored_files):
        yield {
            "row_number": file.row_number + 1,
            "row_id": file.row_id,
            "job_id": str(file.job_id),
            "n": file.n,
            "file": path_of(batch, file),
            "bytes": file.bytes,
            "sha256": file.sha256,
            "content_type": file.content_type,
            "url": f"/v1/jobs/{file.job_id}/assets/{file.n}",
        }
