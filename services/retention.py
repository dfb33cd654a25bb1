"""For how long a project keeps prompts and files, and the erasing of what is past that."""

from datetime import timedelta
from time import monotonic
from typing import Any, Final, Literal
from uuid import UUID

from domain.erasing import Wanted
from services import erasing
from services.batches import erasing as batch_erasing
from services.erasing import WAIT
from services.runtime import Runtime
from storage import erasures, retention
from storage.database import Session
from storage.records import RetentionRecord

LONGEST_DAYS: Final = 3650
_SLICE: Final = 200
_SWEEP_SECONDS: Final = 20.0
_REASON: Final = "retention"
_PROMPT: Final = Wanted(prompt=True, assets=False, reason=_REASON)
_ASSETS: Final = Wanted(prompt=False, assets=True, reason=_REASON)

Part = Literal["prompts", "assets", "sheets"]
_PARTS: Final[tuple[Part, ...]] = ("prompts", "assets", "sheets")


def shown(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """For how many days a project keeps what; null for ever."""
    with runtime.database.work() as session:
        found = retention.of_project(session, project_id)
    return {
        "object": "retention",
        "prompt_days": None if found is None else found.prompt_days,
        "asset_days": None if found is None else found.asset_days,
    }


def change(
    runtime: Runtime, project_id: UUID, *, prompt_days: int | None, asset_days: int | None
) -> dict[str, Any]:
    """Set for how many days a project keeps what, counted from when a job was accepted."""
    with runtime.database.work() as session:
        retention.put(session, project_id, prompt_days=prompt_days, asset_days=asset_days)
    return shown(runtime, project_id)


def sweep(runtime: Runtime) -> None:
    """Begin to erase what is past its time, in small slices; the next sweep goes on where this one ends."""
    end = monotonic() + _SWEEP_SECONDS
    with runtime.database.work() as session:
        projects = retention.with_a_period(session)
    for project_id in projects:
        for part in _PARTS:
            while monotonic() < end and _slice(runtime, project_id, part):
                pass


def _slice(runtime: Runtime, project_id: UUID, part: Part) -> bool:
    """The next slice of one project in one commit; True where there may be more."""
    with runtime.database.work() as session:
        record = retention.hold(session, project_id)
        days = None if record is None else record.asset_days if part == "assets" else record.prompt_days
        if record is None or days is None:
            return False
        found = retention.past(
            session,
            "batches" if part == "sheets" else "jobs",
            project_id,
            after=getattr(record, f"{part}_to"),
            before=runtime.clock() - timedelta(days=days),
            most=_SLICE,
        )
        if not found:
            return False
        setattr(record, f"{part}_to", found[-1])
        _erase(runtime, session, record, part, found)
    return len(found) == _SLICE


def _erase(
    runtime: Runtime, session: Session, record: RetentionRecord, part: Part, found: list[UUID]
) -> None:
    now, project_id = runtime.clock(), record.project_id
    if part == "sheets":
        going = [one for one in found if not batch_erasing.begin(session, one, _PROMPT, now)]
        if going:
            until = now + WAIT
            erasures.put_off(session, "batch", going, _PROMPT, project_id=project_id, now=now, until=until)
    else:
        wanted = _PROMPT if part == "prompts" else _ASSETS
        erasing.begin(session, project_id, found, wanted, now)
