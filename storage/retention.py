"""For how long projects keep what, and which of their jobs and batches are past that, slice by slice."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, or_, select

from storage.records import RetentionRecord

Table = Literal["jobs", "batches"]

# By the index of a project's ids, which grow with time: what was looked at before is never read again.
_NEXT: Final[dict[Table, TextClause]] = {
    table: text(
        f"""
        SELECT id, created_at FROM {table} WHERE project_id = :project AND id > :after
        ORDER BY id LIMIT :most
        """  # noqa: S608 - made of constants
    )
    for table in ("jobs", "batches")
}
_NONE: Final = UUID(int=0)


def of_project(session: Session, project_id: UUID) -> RetentionRecord | None:
    """What a project has set; None where it keeps everything."""
    return session.exec(select(RetentionRecord).where(RetentionRecord.project_id == project_id)).one_or_none()


def put(session: Session, project_id: UUID, *, prompt_days: int | None, asset_days: int | None) -> None:
    """Set for how long a project keeps its prompts and its files."""
    days = {"prompt_days": prompt_days, "asset_days": asset_days}
    statement = insert(RetentionRecord).values(project_id=project_id, **days)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=[col(RetentionRecord.project_id)], set_=days)
    )


def with_a_period(session: Session) -> Sequence[UUID]:
    """The projects that do not keep everything."""
    found = select(RetentionRecord.project_id).where(
        or_(col(RetentionRecord.prompt_days).is_not(None), col(RetentionRecord.asset_days).is_not(None))
    )
    return session.exec(found.order_by(col(RetentionRecord.project_id))).all()


def hold(session: Session, project_id: UUID) -> RetentionRecord | None:
    """What a project has set, held until the unit of work ends; None where somebody else holds it."""
    found = select(RetentionRecord).where(RetentionRecord.project_id == project_id)
    return session.exec(found.with_for_update(skip_locked=True)).one_or_none()


def past(
    session: Session, table: Table, project_id: UUID, *, after: UUID | None, before: datetime, most: int
) -> list[UUID]:
    """Up to ``most`` of a project's jobs or batches behind ``after``, all made before ``before``."""
    given = {"project": project_id, "after": after or _NONE, "most": most}
    found = session.connection().execute(_NEXT[table], given)
    return [row.id for row in takewhile(lambda row: row.created_at < before, found)]
