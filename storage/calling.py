"""Whose turn it is to be told: due deliveries, the hosts that they go to, and what is let out of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from domain.callbacks import HostState
from storage.claims import Lease

_DECIDE: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_DECIDING_KEY: Final = 4_107_002

# Both by partial indexes that hold what is due, and nothing of what waits for its host or for later.
_ANY: Final = text(
    """
    SELECT EXISTS (SELECT 1 FROM deliveries WHERE status = 'pending' AND NOT held AND next_at <= :now)
        OR EXISTS (SELECT 1 FROM callback_hosts WHERE waiting AND next_at <= :now
            AND state IN ('good', 'new', 'slow'))
    """
)
_DUE: Final = text(
    """
    SELECT id, host FROM deliveries
    WHERE status = 'pending' AND NOT held AND next_at <= :now
    ORDER BY next_at LIMIT :most
    FOR UPDATE SKIP LOCKED
    """
)
_MEET: Final = text(
    """
    INSERT INTO callback_hosts (host, state, failures, waiting, next_at, trying, seen_at)
    SELECT host, 'new', 0, false, :now, 0, :now FROM unnest(CAST(:hosts AS text[])) AS host ORDER BY host
    ON CONFLICT DO NOTHING
    """
)
_OPEN: Final = text(
    """
    SELECT host FROM callback_hosts
    WHERE host = ANY(CAST(:hosts AS text[])) AND state = 'good' AND NOT waiting
    """
)
_OUT: Final = text(
    """
    SELECT host, count(*) AS many FROM deliveries
    WHERE status = 'pending' AND owner IS NOT NULL AND next_at > :now AND host = ANY(CAST(:hosts AS text[]))
    GROUP BY host
    """
)
_CLAIM: Final = text(
    """
    UPDATE deliveries SET next_at = :until, owner = :owner, held = false
    WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)
# Waits for nobody: a host that is being written just now is met again in the next turn.
_HOLD: Final = text(
    """
    WITH locked AS (
        SELECT host FROM callback_hosts WHERE host = ANY(CAST(:hosts AS text[]))
        ORDER BY host FOR UPDATE SKIP LOCKED),
    held AS (
        UPDATE deliveries SET held = true, owner = NULL FROM locked
        WHERE deliveries.id = ANY(CAST(:ids AS uuid[])) AND deliveries.host = locked.host)
    UPDATE callback_hosts SET waiting = true, seen_at = :now FROM locked
    WHERE callback_hosts.host = locked.host
    """
)
_TURN: Final = text(
    """
    SELECT host, failures FROM callback_hosts
    WHERE waiting AND state = :state AND next_at <= :now AND (trying_until IS NULL OR trying_until <= :now)
    ORDER BY next_at, host LIMIT :most
    FOR UPDATE SKIP LOCKED
    """
)
_TRYING: Final = text(
    """
    SELECT state, sum(trying) AS many FROM callback_hosts
    WHERE trying_until IS NOT NULL AND trying_until > :now GROUP BY state
    """
)
_LET_OUT: Final = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:hosts AS text[]), CAST(:most AS int[])) AS wanted(host, most)),
    chosen AS (
        SELECT one.id FROM wanted, LATERAL (
            SELECT id FROM deliveries WHERE host = wanted.host AND status = 'pending' AND held
            ORDER BY {order} LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS one)
    UPDATE deliveries SET next_at = :until, owner = :owner, held = false FROM chosen
    WHERE deliveries.id = chosen.id
    RETURNING deliveries.id, deliveries.host
"""
_OLDEST: Final = text(_LET_OUT.format(order="next_at"))
_FRESHEST: Final = text(_LET_OUT.format(order="tries, next_at"))
_LEFT: Final = text(
    """
    WITH out AS (
        SELECT host, many FROM unnest(CAST(:hosts AS text[]), CAST(:many AS int[])) AS out(host, many))
    UPDATE callback_hosts SET
        waiting = EXISTS (SELECT 1 FROM deliveries
            WHERE deliveries.host = callback_hosts.host AND status = 'pending' AND held),
        trying = CASE WHEN state = 'good' THEN 0 ELSE out.many END,
        trying_until = CASE WHEN state <> 'good' AND out.many > 0 THEN CAST(:until AS timestamptz) END
    FROM out WHERE callback_hosts.host = out.host
    """
)
_PUT_OFF: Final = text(
    """
    WITH mine AS (
        UPDATE deliveries SET owner = NULL, next_at = :until
        WHERE id = ANY(CAST(:ids AS uuid[])) AND owner = :owner RETURNING host),
    locked AS (
        SELECT host FROM callback_hosts WHERE host IN (SELECT host FROM mine) ORDER BY host FOR UPDATE)
    UPDATE callback_hosts SET trying = 0, trying_until = NULL FROM locked
    WHERE callback_hosts.host = locked.host
    """
)

_FORGET: Final = text(
    """
    DELETE FROM callback_hosts WHERE seen_at < :before AND NOT waiting AND trying_until IS NULL
    """
)
_FREE: Final = text(
    """
    UPDATE deliveries SET held = false
    WHERE status = 'pending' AND held AND NOT EXISTS (
        SELECT 1 FROM callback_hosts WHERE callback_hosts.host = deliveries.host AND waiting)
    """
)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery whose next try is due, locked, and the host that it goes to."""

    id: UUID
    host: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A host whose turn it is, and how often in a row nobody was found there."""

    host: str
    failures: int


def anything(session: Session, now: datetime) -> bool:
    """Whether any delivery is due or any host's turn has come."""
    return bool(session.connection().execute(_ANY, {"now": now}).scalar())


def deciding(session: Session) -> bool:
    """Whether this unit of work is the one that lets deliveries out; one does at a time, on all machines."""
    return bool(session.connection().execute(_DECIDE, {"key": _DECIDING_KEY}).scalar())


def due(session: Session, now: datetime, *, most: int) -> list[DueDelivery]:
    """Up to ``most`` due deliveries that are not held for their hosts, the longest due first."""
    rows = session.connection().execute(_DUE, {"now": now, "most": most})
    return [DueDelivery(row.id, row.host) for row in rows]


def open_hosts(session: Session, hosts: Sequence[str], now: datetime) -> set[str]:
    """Those of the hosts that answer and for which nothing waits; one that is seen first is written down."""
    session.connection().execute(_MEET, {"hosts": list(hosts), "now": now})
    return set(session.connection().execute(_OPEN, {"hosts": list(hosts)}).scalars())


def out(session: Session, hosts: Sequence[str], now: datetime) -> dict[str, int]:
    """How many deliveries to each of the hosts are in workers' hands, or on their way there."""
    rows = session.connection().execute(_OUT, {"hosts": list(hosts), "now": now})
    return {row.host: row.many for row in rows}


def claim(session: Session, delivery_ids: Sequence[UUID], lease: Lease) -> None:
    """Take deliveries that are locked."""
    session.connection().execute(_CLAIM, {"ids": list(delivery_ids)} | lease.values())


def hold(session: Session, deliveries: Sequence[DueDelivery], now: datetime) -> None:
    """Have due deliveries wait for their hosts' turns."""
    given = {"ids": [one.id for one in deliveries], "hosts": sorted({one.host for one in deliveries})}
    session.connection().execute(_HOLD, given | {"now": now})


def in_turn(session: Session, state: HostState, now: datetime, *, most: int) -> list[Waiting]:
    """Up to ``most`` hosts in that state whose turn has come, the longest waiting first; they are locked."""
    rows = session.connection().execute(_TURN, {"state": str(state), "now": now, "most": most})
    return [Waiting(row.host, row.failures) for row in rows]


def trying(session: Session, now: datetime) -> dict[str, int]:
    """How many deliveries are under way to new and to slow hosts."""
    return {row.state: row.many for row in session.connection().execute(_TRYING, {"now": now})}


def let_out(
    session: Session, most: Mapping[str, int], lease: Lease, *, freshest: bool
) -> list[tuple[UUID, str]]:
    """Take of what is held for each host so many at ``most``: the longest due, or the least tried first."""
    given = {"hosts": list(most), "most": list(most.values())}
    rows = session.connection().execute(_FRESHEST if freshest else _OLDEST, given | lease.values())
    return [(row.id, row.host) for row in rows]


def note(session: Session, many: Mapping[str, int], until: datetime) -> None:
    """Write down how many went out to each host, and whether anything is still held for it."""
    given = {"hosts": list(many), "many": list(many.values()), "until": until}
    session.connection().execute(_LEFT, given)


def put_off(session: Session, delivery_ids: Sequence[UUID], *, owner: str, until: datetime) -> None:
    """Give claimed deliveries back until ``until``, untried."""
    session.connection().execute(_PUT_OFF, {"ids": list(delivery_ids), "owner": owner, "until": until})


def forget_before(session: Session, before: datetime) -> None:
    """Drop what is known of hosts that nothing has been heard of since, and for which nothing waits."""
    session.connection().execute(_FORGET, {"before": before})


def free(session: Session) -> None:
    """Have what is held be due again where its host does not know of it."""
    session.connection().execute(_FREE)
