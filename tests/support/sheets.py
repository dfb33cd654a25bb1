"""Batches for tests: a file in the object store and its row, as an upload leaves them."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.batches import BatchState
from domain.sheets.reading import open_sheet
from storage.records import BatchRecord
from storage.records.columns import new_id
from tests.support.engine import Engine


def upload(engine: Engine, text: str, **fields: Any) -> UUID:  # noqa: ANN401 - columns
    """A batch of the file ``text`` that waits to be read."""
    data = text.encode()
    sheet = open_sheet(iter([data]))
    header = sheet.header
    batch_id = new_id()
    path = engine.runtime.settings.data_dir / f"{batch_id}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    digest = sha256(data).hexdigest()
    key = f"batches/{batch_id}/upload.csv"
    engine.runtime.objects.put(key, path, content_type="text/csv", sha256=digest)
    values: dict[str, Any] = {
        "id": batch_id,
        "project_id": engine.project_id,
        "state": BatchState.READING,
        "defaults": {"model": "pair"},
        "priority": "normal",
        "fingerprint": digest,
        "file_key": key,
        "file_bytes": len(data),
        "file_sha256": digest,
        "header": list(header.names),
        "separator": header.separator,
        "rows": sum(1 for _ in sheet),
        "quotes": {},
        "next_at": engine.clock(),
        "created_at": engine.clock(),
    }
    with engine.runtime.database.work() as session:
        session.add(BatchRecord(**(values | fields)))
    return batch_id
