"""What the rows of a sheet may cost, summed by model and by the offer that each goes to first."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from domain.offers import Quote

_BETWEEN: Final = "|"


@dataclass(slots=True)
class Range:
    """What some rows may cost, in nano-dollars; ``unpriced`` counts those whose price is not known.

    ``low_nano`` is what the others cost at least, and None where there are none. ``high_nano`` is None as
    soon as the price of one row is not known.
    """

    rows: int = 0
    unpriced: int = 0
    low_nano: int | None = None
    high_nano: int | None = None

    def add(self, low_nano: int | None, high_nano: int | None) -> None:
        """Count one row more."""
        if low_nano is None or high_nano is None:
            self._join(1, 1, None, None)
        else:
            self._join(1, 0, low_nano, high_nano)

    def _join(self, rows: int, unpriced: int, low_nano: int | None, high_nano: int | None) -> None:
        sure = self.unpriced + unpriced == 0
        if low_nano is not None:
            self.low_nano = (self.low_nano or 0) + low_nano
        self.high_nano = (self.high_nano or 0) + (high_nano or 0) if sure else None
        self.rows += rows
        self.unpriced += unpriced

    @classmethod
    def of(cls, ranges: Iterable[Self]) -> Self:
        """All of them together."""
        whole = cls()
        for one in ranges:
            whole._join(one.rows, one.unpriced, one.low_nano, one.high_nano)
        return whole

    def fits(self, budget_nano: int | None) -> bool | None:
        """Whether a budget covers whatever the rows cost; None where there is none, or it is not known."""
        if budget_nano is None:
            return None
        if self.high_nano is None:
            return False if (self.low_nano or 0) > budget_nano else None
        return self.high_nano <= budget_nano


@dataclass(frozen=True, slots=True)
class OfferRange:
    """What the rows of one model may cost that go to one offer first."""

    model: str
    provider: str
    endpoint: str
    range: Range


class Estimate:
    """The ranges of a sheet's rows, kept with its batch as JSON under ``model|provider|endpoint``."""

    def __init__(self, quotes: Mapping[str, Mapping[str, Any]]) -> None:
        self._ranges = {name: Range(**values) for name, values in quotes.items()}

    def range_of(self, model: str, first: Quote) -> Range:
        """Where to count the rows of this model that go to this offer first."""
        name = _BETWEEN.join((model, first.offer.provider, first.offer.endpoint))
        return self._ranges.setdefault(name, Range())

    @property
    def total(self) -> Range:
        """Everything together."""
        return Range.of(self._ranges.values())

    def quotes(self) -> dict[str, dict[str, int | None]]:
        """The ranges as plain data: ``rows``, ``unpriced``, ``low_nano`` and ``high_nano`` of each."""
        return {name: asdict(found) for name, found in self._ranges.items()}

    def by_offer(self) -> Iterator[OfferRange]:
        """The ranges of each model and offer, by name."""
        for name, found in sorted(self._ranges.items()):
            # A provider's name holds no bar; a model's or an endpoint's may, as a customer's own.
            model, provider, endpoint = name.rsplit(_BETWEEN, 2)
            yield OfferRange(model, provider, endpoint, found)
