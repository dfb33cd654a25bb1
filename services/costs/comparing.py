"""What the ways to run a model cost beside each other, as the API shows it: as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.comparing import Projection, projection, share_percent
from domain.comparing_verdict import Contender, verdict
from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.money import format_usd
from domain.sheets.writing import csv_blocks
from providers.catalogue import KindMismatch, KindRequired, UnknownModel
from services.refusals import Unprocessable
from services.runtime import Runtime
from services.views import money
from storage.costs.paid import Wanted, Way, ways

_AMOUNTS: Final = ("minimum", "median", "mean", "maximum")
_COLUMNS: Final = (
    *("model", "kind", "provider", "endpoint", "sandbox", "n", "unknown", "not_final"),
    *(f"{name}_usd" for name in _AMOUNTS),
    *("spread_percent", "p50_seconds", "p95_seconds", "cold_start_percent", "monthly"),
    *("projected_usd", "projected_low_usd", "projected_high_usd", "certainty", "why"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One way to run a model, with what a month of it would cost."""

    way: Way
    month: Projection


def comparison(runtime: Runtime, wanted: Wanted, monthly: int) -> dict[str, Any]:
    """Each way that the models were run, the cheapest first, and where each model is cheaper.

    Raises:
        Unprocessable: nobody knows one of the models.
    """
    rows = _rows(runtime, wanted, monthly)
    return {
        "object": "comparison",
        "models": list(wanted.models),
        "monthly": monthly,
        "from": None if wanted.first is None else str(wanted.first),
        "to": None if wanted.last is None else str(wanted.last),
        "time_zone": "UTC",
        "data": [_view(row) for row in rows],
        "verdicts": [_verdict(model, rows) for model in wanted.models],
        "advice": [said for model in wanted.models for said in _advice(runtime, wanted, model, rows)],
    }


def comparison_csv(runtime: Runtime, wanted: Wanted, monthly: int) -> Iterator[bytes]:
    """The same rows as CSV; amounts in dollars, empty where they are not known.

    Raises:
        Unprocessable: nobody knows one of the models.
    """
    return csv_blocks(_table(_rows(runtime, wanted, monthly), monthly))


def _rows(runtime: Runtime, wanted: Wanted, monthly: int) -> list[_Row]:
    with runtime.database.work() as session:
        found = [_as_told(runtime, way) for way in ways(session, wanted)]
    for model in wanted.models:
        if all(way.model != model for way in found):
            _insist_on(runtime, model, wanted.kind)
    rows = [_Row(way, projection(way.paid, monthly)) for way in found]
    return sorted(rows, key=lambda row: (wanted.models.index(row.way.model), *_price(row)))


def _as_told(runtime: Runtime, way: Way) -> Way:
    """Without cold starts where the provider never shows one: none seen is not none there."""
    shows = runtime.catalogue.limits.of_lane(Lane(way.provider, way.endpoint)).runners
    return way if shows else replace(way, told=0, cold=0)


def _price(row: _Row) -> tuple[bool, int, str, str]:
    return row.month.nano is None, row.month.nano or 0, row.way.provider, row.way.endpoint


def _verdict(model: str, rows: Sequence[_Row]) -> str:
    mine = [row for row in rows if row.way.model == model]
    return verdict(model, [Contender(_called(row.way, mine), row.month) for row in mine])


def _called(way: Way, beside: Sequence[_Row]) -> str:
    """Its provider, with as much more as tells it apart from the ways beside it."""
    same = [row.way for row in beside if row.way.provider == way.provider]
    path = f" {way.endpoint}" if len({(one.kind, one.endpoint) for one in same}) > 1 else ""
    play = " (sandbox)" if way.sandbox and not all(one.sandbox for one in same) else ""
    return f"{way.provider}{path}{play}"


def _insist_on(runtime: Runtime, model: str, kind: str | None) -> None:
    """Raise Unprocessable where neither jobs nor the catalogue know the model."""
    try:
        runtime.catalogue.offers(model, None if kind is None else Kind(kind))
    except UnknownModel as error:
        raise Unprocessable(str(error), code="unknown_model", field="model") from error
    except (KindMismatch, KindRequired):
        # It can be run, though not as that kind: no job has.
        return


def _advice(runtime: Runtime, wanted: Wanted, model: str, rows: Sequence[_Row]) -> Iterator[str]:
    """What to send so that there is more to compare; the catalogue knows where a model runs."""
    try:
        offers = runtime.catalogue.offers(model, None if wanted.kind is None else Kind(wanted.kind))
    except (UnknownModel, KindRequired, KindMismatch):
        offers = ()
    paid = {row.way.provider for row in rows if row.way.model == model}
    for provider in dict.fromkeys(offer.provider for offer in offers):
        if provider not in paid:
            yield (
                f"no job of {model} has succeeded at {provider} yet, in what was asked for: send some with "
                f'"routing": {{"provider": "{provider}"}}'
            )
    if not offers and not paid:
        yield f"no job of {model} has succeeded yet, in what was asked for: send some, then compare"


def _view(row: _Row) -> dict[str, Any]:
    way, month = row.way, row.month
    spread, cold = way.paid.spread_percent, share_percent(way.cold, way.told)
    return {
        "model": way.model,
        "kind": way.kind,
        "provider": way.provider,
        "endpoint": way.endpoint,
        "sandbox": way.sandbox,
        "n": way.paid.n,
        "unknown": way.paid.unknown,
        "not_final": way.paid.not_final,
        **{name: money(nano) for name, nano in _amounts(way).items()},
        "spread_percent": None if spread is None else float(spread),
        "latency": {"p50": way.p50_ms / 1000, "p95": way.p95_ms / 1000},
        "cold_start_percent": None if cold is None else float(cold),
        "projected": {
            "monthly": money(month.nano),
            "low": money(month.low_nano),
            "high": money(month.high_nano),
            "certainty": month.certainty.value,
            "why": month.why,
        },
    }


def _amounts(way: Way) -> dict[str, int | None]:
    paid = way.paid
    return dict(zip(_AMOUNTS, (paid.minimum, paid.median, paid.mean_nano, paid.maximum), strict=True))


def _table(rows: Sequence[_Row], monthly: int) -> Iterator[Sequence[str]]:
    yield _COLUMNS
    for row in rows:
        way, month = row.way, row.month
        dollars = [*_amounts(way).values()]
        told = (way.model, way.kind, way.provider, way.endpoint, str(way.sandbox).lower())
        counts = (way.paid.n, way.paid.unknown, way.paid.not_final)
        yield [
            *told,
            *map(str, counts),
            *map(_usd, dollars),
            _blank(way.paid.spread_percent),
            *(f"{ms // 1000}.{ms % 1000:03d}" for ms in (way.p50_ms, way.p95_ms)),
            _blank(share_percent(way.cold, way.told)),
            str(monthly),
            *map(_usd, (month.nano, month.low_nano, month.high_nano)),
            month.certainty.value,
            month.why,
        ]


def _usd(nano: int | None) -> str:
    return "" if nano is None else format_usd(nano)


def _blank(value: object) -> str:
    return "" if value is None else str(value)
