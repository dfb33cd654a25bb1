"""Prices in the database: what providers named and when, and what is known of every lane for a quote."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlmodel import Session, col, select

from domain.evidence import ENOUGH, Evidence
from domain.lanes import Lane
from domain.offers import KnownPrice
from storage.intake import Connection
from storage.records import UnitPriceHistoryRecord, UnitPriceRecord

# A change is appended to the history in the statement that makes it. What is older than what is known, as
# from a process that was slow, changes nothing.
_REMEMBER: Final = text(
    """
    WITH kept AS (
        INSERT INTO unit_prices AS old (provider, endpoint, usd, unit, at, since)
        VALUES (:provider, :endpoint, :usd, :unit, :at, :at)
        ON CONFLICT (provider, endpoint) DO UPDATE SET usd = excluded.usd, unit = excluded.unit,
            at = excluded.at,
            since = CASE WHEN (old.usd, old.unit) IS DISTINCT FROM (excluded.usd, excluded.unit)
                THEN excluded.at ELSE old.since END
        WHERE old.at <= excluded.at
        RETURNING provider, endpoint, since, usd, unit)
    INSERT INTO unit_price_history AS told (provider, endpoint, since, usd, unit) SELECT * FROM kept
    ON CONFLICT (provider, endpoint, since) DO UPDATE SET usd = excluded.usd, unit = excluded.unit
    WHERE (told.usd, told.unit) IS DISTINCT FROM (excluded.usd, excluded.unit)
    """
)

_PRICES: Final = "SELECT provider, endpoint, usd, unit, since FROM unit_prices"
_EVIDENCE: Final = f"""
SELECT provider, endpoint, sandbox, shape, price, n, low_nano, p5_nano, p95_nano, high_nano, work_low_nano,
    work_high_nano, pays_starts, first_at, last_at FROM price_evidence WHERE n >= {ENOUGH}
"""  # noqa: S608 - a number of ours
_TIMES: Final = "SELECT provider, endpoint, took, started, warm_at FROM lanes WHERE endpoint <> ''"
_ALL: Final = (text(_PRICES), text(_EVIDENCE), text(_TIMES))
_OF_ENDPOINTS: Final = "endpoint = ANY(CAST(:endpoints AS text[]))"
_SOME: Final = (
    text(f"{_PRICES} WHERE {_OF_ENDPOINTS}"),
    text(f"{_EVIDENCE} AND {_OF_ENDPOINTS} AND shape = ANY(CAST(:shapes AS text[]))"),
    text(f"{_TIMES} AND {_OF_ENDPOINTS}"),
)


@dataclass(frozen=True, slots=True)
class Times:
    """The newest times of a lane, in seconds, and when a runner was last seen at work there."""

    took: Sequence[float]
    started: Sequence[float]
    warm_at: datetime | None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of lanes for quotes; ``evidence`` apart for real results and for a sandbox's (True)."""

    prices: Mapping[Lane, KnownPrice]
    evidence: Mapping[bool, Mapping[Lane, Mapping[tuple[str, str], Evidence]]]
    times: Mapping[Lane, Times]


def remember(
    session: Session, *, provider: str, endpoint: str, usd: Decimal, unit: str, at: datetime
) -> None:
    """Keep the unit price that a provider named, and since when it is this one."""
    given = {"provider": provider, "endpoint": endpoint, "usd": usd, "unit": unit, "at": at}
    session.connection().execute(_REMEMBER, given)


def every(session: Session) -> Sequence[UnitPriceRecord]:
    """The unit prices that hold, by provider and endpoint."""
    order = (col(UnitPriceRecord.provider), col(UnitPriceRecord.endpoint))
    return session.exec(select(UnitPriceRecord).order_by(*order)).all()


def history(session: Session) -> Mapping[Lane, Sequence[UnitPriceHistoryRecord]]:
    """Every unit price that holds or held, of each lane the newest first."""
    rows = session.exec(
        select(UnitPriceHistoryRecord).order_by(col(UnitPriceHistoryRecord.since).desc())
    ).all()
    found: dict[Lane, list[UnitPriceHistoryRecord]] = defaultdict(list)
    for row in rows:
        found[Lane(row.provider, row.endpoint)].append(row)
    return found


def knowledge(session: Session, wanted: Mapping[str, str] | None = None) -> Knowledge:
    """What is known of every lane; or of the endpoints in ``wanted``, each with the shape of a job there."""
    given = {} if wanted is None else {"endpoints": list(wanted), "shapes": list(wanted.values())}

    def rows(statement: TextClause) -> Sequence[Mapping[str, Any]]:
        found = session.connection().execute(statement, given)
        return [row._asdict() for row in found]

    prices, evidence, times = _ALL if wanted is None else _SOME
    return _knowledge(rows(prices), rows(evidence), rows(times))


async def known_to_all(connection: Connection) -> Knowledge:
    """The same of all lanes, over an asynchronous connection."""
    prices, evidence = await connection.fetch(_PRICES), await connection.fetch(_EVIDENCE)
    return _knowledge(prices, evidence, await connection.fetch(_TIMES))


def _knowledge(
    prices: Iterable[Mapping[str, Any]],
    evidence: Iterable[Mapping[str, Any]],
    times: Iterable[Mapping[str, Any]],
) -> Knowledge:
    found: dict[bool, dict[Lane, dict[tuple[str, str], Evidence]]] = {
        False: defaultdict(dict),
        True: defaultdict(dict),
    }
    for row in evidence:
        found[row["sandbox"]][_lane(row)][row["shape"], row["price"]] = _evidence(row)
    return Knowledge(
        prices={_lane(row): KnownPrice(row["usd"], row["unit"], row["since"]) for row in prices},
        evidence=found,
        times={_lane(row): Times(row["took"], row["started"], row["warm_at"]) for row in times},
    )


def _lane(row: Mapping[str, Any]) -> Lane:
    return Lane(row["provider"], row["endpoint"])


def _evidence(row: Mapping[str, Any]) -> Evidence:
    return Evidence(**{name: row[name] for name in Evidence.__slots__})
