"""What a provider is besides that has a list of its prices to be read at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from providers.base import UnitPrice


@runtime_checkable
class PriceSource(Protocol):
    """A provider that has a list of its prices."""

    def unit_prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice | None]:
        """The prices of many endpoints now; None for one that the list has no price in dollars of.

        Raises:
            LookFailed: the list could not be read.
        """
        ...
