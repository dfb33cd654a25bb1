"""Lanes in the database: what all processes have learned together, and the rates that they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, select

from domain.lanes import Lane
from storage.records import LaneRecord

# How many of the newest times are kept of each lane.
KEPT: Final = 64

_ENSURE: Final = text(
    """
    INSERT INTO lanes (provider, endpoint, troubles, took, started, marker_refused)
    SELECT provider, endpoint, 0, '{}', '{}', false
    FROM unnest(CAST(:providers AS text[]), CAST(:endpoints AS text[])) AS new(provider, endpoint)
    ON CONFLICT (provider, endpoint) DO NOTHING
    """
)

_NEWEST: Final = """
        {name} = ({name} || CAST(:{name} AS float8[]))
            [GREATEST(1, cardinality({name}) + cardinality(CAST(:{name} AS float8[])) - {older}):]"""
_LEARN: Final = text(
    f"""
    UPDATE lanes SET
        held_until = CASE WHEN CAST(:held_until AS timestamptz) IS NULL THEN held_until
            ELSE GREATEST(held_until, CAST(:held_until AS timestamptz)) END,
        held_reason = COALESCE(:held_reason, held_reason),
        warm_at = COALESCE(:warm_at, warm_at),
        hook_at = COALESCE(:hook_at, hook_at),
        {_NEWEST.format(name="took", older=KEPT - 1)},
        {_NEWEST.format(name="started", older=KEPT - 1)}
    WHERE provider = :provider AND endpoint = :endpoint
    """  # noqa: S608 - names and a number of ours
)


@dataclass(frozen=True, slots=True)
class News:
    """What is to be written of one lane; what is None or empty stays as it is."""

    lane: Lane
    held_until: datetime | None = None
    held_reason: str | None = None
    warm_at: datetime | None = None
    hook_at: datetime | None = None
    took: tuple[float, ...] = ()
    started: tuple[float, ...] = ()


def ensure(session: Session, lanes: Iterable[Lane]) -> None:
    """Give each lane its row."""
    ordered = sorted(set(lanes))
    names = {"providers": [one.provider for one in ordered], "endpoints": [one.endpoint for one in ordered]}
    session.connection().execute(_ENSURE, names)


def write(session: Session, news: Sequence[News]) -> None:
    """Write what was learned; the lanes in one order, so that two writers never wait for each other."""
    rows: list[dict[str, Any]] = [
        {
            "provider": one.lane.provider,
            "endpoint": one.lane.endpoint,
            "held_until": one.held_until,
            "held_reason": one.held_reason,
            "warm_at": one.warm_at,
            "hook_at": one.hook_at,
            "took": list(one.took),
            "started": list(one.started),
        }
        for one in sorted(news, key=lambda one: one.lane)
    ]
    if rows:
        session.connection().execute(_LEARN, rows)


def every(session: Session) -> Mapping[Lane, LaneRecord]:
    """All lanes as they stand."""
    return {Lane(one.provider, one.endpoint): one for one in session.exec(select(LaneRecord)).all()}


def some(session: Session, lanes: Iterable[Lane]) -> Mapping[Lane, LaneRecord]:
    """Those of the lanes that anything is known of, each with its provider's own row."""
    wanted = {*lanes}
    providers = {one.provider for one in wanted}
    wanted |= {Lane(name, "") for name in providers}
    found = select(LaneRecord).where(col(LaneRecord.provider).in_(providers))
    rows = {Lane(one.provider, one.endpoint): one for one in session.exec(found).all()}
    return {lane: row for lane, row in rows.items() if lane in wanted}


def providers(session: Session) -> Sequence[LaneRecord]:
    """The rows of all providers as a whole."""
    return session.exec(select(LaneRecord).where(LaneRecord.endpoint == "")).all()


def locked(session: Session, lanes: Iterable[Lane]) -> dict[Lane, LaneRecord]:
    """The rows of the lanes, held until the unit of work ends; always in the same order."""
    wanted = sorted(set(lanes))
    ensure(session, wanted)
    names = [(lane.provider, lane.endpoint) for lane in wanted]
    found = (
        select(LaneRecord)
        .where(tuple_(col(LaneRecord.provider), col(LaneRecord.endpoint)).in_(names))
        .order_by(col(LaneRecord.provider), col(LaneRecord.endpoint))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {Lane(one.provider, one.endpoint): one for one in session.exec(found).all()}


def hold_looks(session: Session, provider: str, *, seconds: float, rate: float, at: datetime) -> None:
    """Draw the looks of the next ``seconds`` in advance: nobody looks until they are made good."""
    lane = Lane(provider, "")
    row = locked(session, [lane])[lane]
    row.look_tokens, row.look_tokens_at = -seconds * rate, at
