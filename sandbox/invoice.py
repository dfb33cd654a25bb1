"""The truth about money: what each provider really charged for each request, in whole nano-dollars."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

NANO_PER_USD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One accepted request; ``final`` is False while it may still end another way.

    ``made`` says that it has ended with something to fetch: files that a filter blacked out are nothing.
    """

    request_id: str
    provider: str
    endpoint: str
    nano_usd: int
    charged: bool
    final: bool
    status: str
    made: bool


def to_nano(usd: Decimal) -> int:
    """Dollars as whole nano-dollars, half a nano-dollar rounded up."""
    return int((usd * NANO_PER_USD).to_integral_value(ROUND_HALF_UP))


def to_usd(nano: int) -> Decimal:
    """Nano-dollars as dollars, without zeros at the end."""
    usd = Decimal(nano).scaleb(-9).normalize()
    return usd.quantize(Decimal(1)) if usd == usd.to_integral_value() else usd


def invoice(lines: Iterable[Line]) -> dict[str, Any]:
    """Every line and the totals, as ``GET /control/invoice`` answers them."""
    listed = list(lines)
    totals: dict[str, int] = {}
    for line in listed:
        totals[line.provider] = totals.get(line.provider, 0) + line.nano_usd
    return {
        "lines": [asdict(line) for line in listed],
        "totals_nano_usd": totals,
        "total_nano_usd": sum(totals.values()),
        "charged": sum(line.charged for line in listed),
    }
