"""Queries over projects and their keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select, update

from storage.records import ApiKeyRecord, ProjectRecord


def key_by_hash(session: Session, key_hash: str) -> tuple[ApiKeyRecord, ProjectRecord] | None:
    """The key that is still good, with its project."""
    found = (
        select(ApiKeyRecord, ProjectRecord)
        .join(ProjectRecord, col(ProjectRecord.id) == col(ApiKeyRecord.project_id))
        .where(ApiKeyRecord.key_hash == key_hash, col(ApiKeyRecord.revoked_at).is_(None))
    )
    return session.exec(found).one_or_none()


def project(session: Session, project_id: UUID) -> ProjectRecord:
    """The project of a key."""
    return session.exec(select(ProjectRecord).where(ProjectRecord.id == project_id)).one()


def project_named(session: Session, name: str) -> ProjectRecord | None:
    """The project of that name."""
    return session.exec(select(ProjectRecord).where(ProjectRecord.name == name)).one_or_none()


def projects(session: Session) -> Sequence[ProjectRecord]:
    """Every project, the oldest first."""
    return session.exec(select(ProjectRecord).order_by(col(ProjectRecord.id))).all()


def add_project(session: Session, record: ProjectRecord) -> bool:
    """Write a project down; False where its name is taken."""
    statement = insert(ProjectRecord).values(record.model_dump()).on_conflict_do_nothing()
    written = session.connection().execute(statement.returning(col(ProjectRecord.id)))
    return written.first() is not None


def add_key(session: Session, record: ApiKeyRecord) -> None:
    """Write a key down."""
    session.add(record)


def keys_of(session: Session, project_id: UUID) -> Sequence[ApiKeyRecord]:
    """Every key of a project, revoked ones too, the oldest first."""
    found = select(ApiKeyRecord).where(ApiKeyRecord.project_id == project_id)
    return session.exec(found.order_by(col(ApiKeyRecord.id))).all()


def lock_project(session: Session, project_id: UUID) -> None:
    """Hold a project until the unit of work ends, so that its keys change one at a time."""
    session.exec(select(ProjectRecord.id).where(ProjectRecord.id == project_id).with_for_update()).one()


def key_of_project(session: Session, project_id: UUID, key_id: UUID) -> ApiKeyRecord | None:
    """A project's own key; another project's is None."""
    found = select(ApiKeyRecord).where(ApiKeyRecord.id == key_id, ApiKeyRecord.project_id == project_id)
    return session.exec(found).one_or_none()


def good_keys(session: Session, project_id: UUID, scope: str) -> int:
    """How many keys of that scope a project still has."""
    found = select(func.count()).where(
        col(ApiKeyRecord.project_id) == project_id,
        col(ApiKeyRecord.scope) == scope,
        col(ApiKeyRecord.revoked_at).is_(None),
    )
    return session.exec(found).one()


def revoke(session: Session, key_id: UUID, at: datetime) -> None:
    """Make a key useless; the time of the first revocation stays."""
    good = (col(ApiKeyRecord.id) == key_id) & col(ApiKeyRecord.revoked_at).is_(None)
    session.exec(update(ApiKeyRecord).where(good).values(revoked_at=at))
