"""What a project may read back: its jobs, their timelines and the deliveries of their callbacks."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from services.refusals import NotFound, Unprocessable
from services.runtime import Runtime
from services.views import delivery_view, event_view, job_view
from storage import jobs, listing
from storage.database import Session
from storage.listing import DeliveryFilter, JobFilter, Page
from storage.records import JobRecord

_UUID_BYTES: Final = 16

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is wanted: up to ``limit`` entries, after those that ``cursor`` stands for."""

    limit: int = 50
    cursor: str | None = None


def job(runtime: Runtime, project_id: UUID, job_id: UUID) -> dict[str, Any]:
    """A job as it stands; raises NotFound."""
    with runtime.database.work() as session:
        return views_of(runtime, session, [own(session, project_id, job_id)])[0]


def job_list(runtime: Runtime, project_id: UUID, wanted: JobFilter, part: Slice) -> dict[str, Any]:
    """A page of a project's jobs, the newest first; raises Unprocessable for a cursor that is not ours."""
    page = _page(part)
    with runtime.database.work() as session:
        found = listing.jobs_page(session, project_id, wanted, page)
        shown = views_of(runtime, session, found[: part.limit])
    return _list(shown, more=len(found) > part.limit)


def timeline(runtime: Runtime, project_id: UUID, job_id: UUID, *, after: int = 0) -> dict[str, Any]:
    """Every step of a job so far behind the step ``after``, in order; raises NotFound."""
    with runtime.database.work() as session:
        own(session, project_id, job_id)
        steps = jobs.timeline_of(session, job_id, after=after)
    return {"object": "list", "data": [event_view(step) for step in steps]}


def deliveries(runtime: Runtime, project_id: UUID, wanted: DeliveryFilter, part: Slice) -> dict[str, Any]:
    """A page of a project's deliveries with every try, the newest first; raises Unprocessable."""
    page = _page(part)
    with runtime.database.work() as session:
        found = listing.deliveries_page(session, project_id, wanted, page)
        shown = found[: part.limit]
        tries = listing.tries_among(session, [delivery.id for delivery, _ in shown])
    by_delivery = _grouped(tries, lambda one: one.delivery_id)
    views = [delivery_view(delivery, event, by_delivery[delivery.id]) for delivery, event in shown]
    return _list(views, more=len(found) > part.limit)


def ended(runtime: Runtime, job_ids: Iterable[UUID]) -> Sequence[UUID]:
    """Those of the jobs that have ended, in one question."""
    with runtime.database.work() as session:
        return listing.ended_among(session, list(job_ids))


def own(session: Session, project_id: UUID, job_id: UUID) -> JobRecord:
    """A project's own job; raises NotFound."""
    found = jobs.job_of_project(session, project_id, job_id)
    if found is None:
        raise NotFound(f"there is no job {job_id} in this project")
    return found


def views_of(runtime: Runtime, session: Session, found: Sequence[JobRecord]) -> list[dict[str, Any]]:
    """The jobs with all that belongs to them: three questions, however many jobs."""
    ids = [one.id for one in found]
    attempts = _grouped(jobs.attempts_of(session, ids), lambda one: one.job_id)
    assets = _grouped(jobs.assets_of(session, ids), lambda one: one.job_id)
    now = runtime.clock()
    return [job_view(one, attempts[one.id], assets[one.id], now=now) for one in found]


def _grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _list(data: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    return {"object": "list", "data": data, "next_cursor": cursor(UUID(data[-1]["id"])) if more else None}


def _page(part: Slice) -> Page:
    """The page, one row longer than what is shown: that row says whether there is more."""
    return Page(part.limit + 1, None if part.cursor is None else position(part.cursor))


def cursor(last: UUID) -> str:
    """What stands for a place in a list: opaque, and safe in a URL."""
    return urlsafe_b64encode(last.bytes).decode().rstrip("=")


def position(text: str) -> UUID:
    """The place that a cursor stands for; raises Unprocessable for one that is not ours."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"==")
    except (Error, UnicodeEncodeError):
        raw = b""
    if len(raw) != _UUID_BYTES or cursor(UUID(bytes=raw)) != text:
        raise Unprocessable("cursor: use the next_cursor of an earlier answer as it came", field="cursor")
    return UUID(bytes=raw)
