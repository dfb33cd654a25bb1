"""Taking a batch in: the file is checked and kept, and one commit makes it a batch that is going to run."""

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import structlog

from domain.batches import BatchState
from domain.sheets.defaults import RowDefaults
from outbound.guard import BlockedAddress, check_url
from services.batches.sheet_files import Shape, SheetFile, shape
from services.batches.views import batch_view
from services.refusals import Unavailable, Unprocessable
from services.runtime import Runtime
from storage import agenda
from storage.batches import queries
from storage.objects.base import StoreError
from storage.records import BatchRecord
from storage.records.columns import new_id

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer asks of a batch besides its rows; ``key`` is its ``Idempotency-Key``."""

    project_id: UUID
    defaults: RowDefaults
    name: str | None = None
    callback_url: str | None = None
    budget_nano: int | None = None
    strict: bool = False
    key: str | None = None

    def fingerprint(self, file: SheetFile) -> str:
        """What two orders share only if they ask for the same, with the same file."""
        asked = [
            file.sha256,
            self.defaults.model_dump(mode="json"),
            self.name,
            self.callback_url,
            self.budget_nano,
            self.strict,
        ]
        return sha256(_CANONICAL.encode(asked).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Taken:
    """The batch that answers an order; ``replayed`` where it was there before."""

    view: dict[str, Any]
    replayed: bool = False


def take(runtime: Runtime, order: Order, file: SheetFile) -> Taken:
    """Take a batch in: after this returns its rows will run, whatever happens to this process.

    Raises:
        Unprocessable: the file or the order is wrong, or its key was used for another order.
        Unavailable: the file cannot be kept just now.
    """
    fingerprint = order.fingerprint(file)
    first = _first(runtime, order, fingerprint)
    if first is not None:
        return first
    check_callback(runtime, order.callback_url)
    batch = _record(runtime, order, file, shape(file, order.defaults), fingerprint)
    _keep(runtime, batch, file)
    # Should the database break off here it may have made the batch: then its file has to stay.
    view = _write(runtime, batch)
    if view is not None:
        return Taken(view)
    # Somebody was faster with the same key: theirs is the batch.
    _drop(runtime, batch)
    return take(runtime, order, file)


def check_callback(runtime: Runtime, url: str | None) -> None:
    """Raise Unprocessable for an address that nothing may be sent to."""
    if url is None:
        return
    try:
        check_url(url, runtime.private_hosts)
    except BlockedAddress as error:
        raise Unprocessable(f"callback_url: {error}", field="callback_url") from error


def _first(runtime: Runtime, order: Order, fingerprint: str) -> Taken | None:
    """The batch that was made under the key, as it stands now."""
    if order.key is None:
        return None
    with runtime.database.work() as session:
        found = queries.batch_by_key(session, order.project_id, order.key)
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise Unprocessable(
                "this Idempotency-Key was used for another batch; use a new key for a new batch",
                code="idempotency_mismatch",
            )
        return Taken(batch_view(runtime, session, found), replayed=True)


def _record(runtime: Runtime, order: Order, file: SheetFile, found: Shape, fingerprint: str) -> BatchRecord:
    batch_id, at = new_id(), runtime.clock()
    return BatchRecord(
        id=batch_id,
        project_id=order.project_id,
        name=order.name,
        state=BatchState.READING,
        defaults=order.defaults.model_dump(mode="json", exclude_unset=True),
        priority=order.defaults.priority,
        callback_url=order.callback_url,
        strict=order.strict,
        budget_nano=order.budget_nano,
        idempotency_key=order.key,
        fingerprint=fingerprint,
        file_key=f"batches/{batch_id}/upload.csv",
        file_bytes=file.bytes,
        file_sha256=file.sha256,
        header=list(found.names),
        separator=found.separator,
        rows=found.rows,
        quotes={},
        next_at=at,
        created_at=at,
    )


def _keep(runtime: Runtime, batch: BatchRecord, file: SheetFile) -> None:
    try:
        runtime.objects.put(
            batch.file_key, file.path, content_type="text/csv; charset=utf-8", sha256=file.sha256
        )
    except StoreError as error:
        raise Unavailable(f"the file cannot be kept just now: {error}", code="store_unavailable") from error


def _write(runtime: Runtime, batch: BatchRecord) -> dict[str, Any] | None:
    """The batch once it is committed; None where its key was used by another meanwhile."""
    with runtime.database.work() as session:
        if not queries.add(session, batch):
            return None
        agenda.wake(session)
        return batch_view(runtime, session, batch)


def _drop(runtime: Runtime, batch: BatchRecord) -> None:
    """Remove a file that no batch was made of; what cannot be removed only takes room."""
    with suppress(StoreError):
        runtime.objects.delete(batch.file_key)
        return
    log.warning("upload_not_removed", key=batch.file_key)
