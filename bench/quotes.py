"""Quotes: the CPU that one takes, in the process that answers and in the database together."""

import json
import time
from typing import Final

import psycopg

from bench.parts import built
from bench.spent import cpu_seconds
from bench.table import Row
from bench.world import World
from domain.generation import JobRequest
from services.quotes import quotes
from services.runtime import Runtime

_QUOTES: Final = 200
_WARMING: Final = 20
_SHAPES: Final = 50
_ASKED: Final = (
    {"model": "kling-v3", "input": {"prompt": "a red kite over dunes", "duration": 5}},
    {"model": "flux-dev", "input": {"prompt": "a red kite", "count": 4}, "routing": {"policy": "fastest"}},
)
# Every endpoint is known with its price, sixty-four times and fifty shapes of jobs, 256 samples of each.
_FILL: Final = """
WITH lane AS (
    SELECT DISTINCT provider, endpoint FROM jsonb_to_recordset(%(lanes)s::jsonb)
        AS lane(provider text, endpoint text)
), priced AS (
    INSERT INTO unit_prices (provider, endpoint, usd, unit, at, since)
    SELECT provider, endpoint, 0.08, 'seconds', now(), now() FROM lane WHERE provider = 'fal'
), timed AS (
    INSERT INTO lanes (provider, endpoint, troubles, took, started, marker_refused)
    SELECT provider, endpoint, 0, array_fill(41.5::float8, ARRAY[64]),
        array_fill(2.5::float8, ARRAY[64]), false
    FROM lane
)
INSERT INTO price_evidence (provider, endpoint, sandbox, shape, price, n, low_nano, p5_nano, p95_nano,
    high_nano, work_low_nano, work_high_nano, pays_starts, first_at, last_at, ats, nanos, spin_ups)
SELECT provider, endpoint, false, 'audio=no duration=' || number || ' resolution=720p', '0.08', 256,
    1, 2, 3, 4, 1, 4, false, now() - interval '1 day', now(), array_fill(now(), ARRAY[256]),
    array_fill(80000000::bigint, ARRAY[256]), array_fill(NULL::bigint, ARRAY[256])
FROM lane CROSS JOIN generate_series(1, %(shapes)s) AS number
"""


def run(world: World) -> list[Row]:
    """The same two requests in turn, with evidence of fifty kinds of jobs at every endpoint."""
    taken, walls = list[float](), list[float]()
    with world.postgres() as server, built(world, server.url) as parts:
        _fill(server.url, parts)
        asked = [JobRequest.model_validate(one) for one in _ASKED]
        _ask(parts, asked, _WARMING)
        for _ in range(world.rounds):
            before, wall = _spent(server.child.group), time.perf_counter()
            _ask(parts, asked, _QUOTES)
            walls.append(1000 * (time.perf_counter() - wall) / _QUOTES)
            taken.append(1000 * (_spent(server.child.group) - before) / _QUOTES)
    return [
        Row("a quote: CPU, the database's included", tuple(taken), "ms", 5),
        Row("a quote, from call to answer", tuple(walls), "ms"),
    ]


def _ask(parts: Runtime, asked: list[JobRequest], times: int) -> None:
    for number in range(times):
        quotes(parts, asked[number % len(asked)])


def _spent(database: int) -> float:
    """CPU seconds of this process and of the database until now."""
    return time.process_time() + cpu_seconds(database)


def _fill(url: str, parts: Runtime) -> None:
    lanes = [
        {"provider": offer.provider, "endpoint": offer.endpoint}
        for model in parts.catalogue.models()
        for offer in model.offers
    ]
    plain = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(_FILL, {"lanes": json.dumps(lanes), "shapes": _SHAPES})
