"""The cost of an attempt as the provider's own word gives it, with the basis that it stands on."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from domain.money import MoneyError, product


class Basis(StrEnum):
    """Where an amount comes from, the best first; ``stated`` is a person's word where nothing else tells."""

    PROVIDER_PRICE = "provider_price"
    BILLABLE_UNITS = "billable_units"
    GPU_SECONDS = "gpu_seconds"
    CATALOGUE = "catalogue"
    NOT_BILLED = "not_billed"
    STATED = "stated"


@dataclass(frozen=True, slots=True)
class Cost:
    """What an attempt cost, in nano-dollars.

    ``nano`` is None where it is not known: never 0.
    ``final`` is False where the provider may still say otherwise.
    """

    nano: int | None
    basis: Basis | None
    final: bool
    units: Decimal | None = None


UNKNOWN_COST = Cost(None, None, final=False)
NOT_BILLED = Cost(0, Basis.NOT_BILLED, final=True)


def with_spin_up(cost: Cost, unit_price: Decimal | None, waited: Decimal) -> tuple[Cost, int | None]:
    """A cost by the GPU second together with what starting the runner took, and that part by itself.

    ``waited`` is how long the request stood at the head of the queue for its runner, in seconds: the runner's
    start is billed although no request tells of it. Any other cost comes back as it is, without such a part.
    """
    if cost.basis is not Basis.GPU_SECONDS or cost.nano is None or unit_price is None:
        return cost, None
    spin_up = product(waited, unit_price)
    return replace(cost, nano=cost.nano + spin_up), spin_up


def from_units(
    units: Decimal | None, unit_price: Decimal | None, *, basis: Basis = Basis.BILLABLE_UNITS
) -> Cost:
    """Billed units times the price of one; unknown as soon as either is, or the product is beyond money."""
    if units is None or not units.is_finite() or units < 0:
        return UNKNOWN_COST
    if units == 0:
        return Cost(0, basis, final=True, units=units)
    if unit_price is None:
        return Cost(None, None, final=False, units=units)
    try:
        return Cost(product(units, unit_price), basis, final=True, units=units)
    except MoneyError:
        # A figure that no ledger can hold is somebody's mistake, not a cost.
        return Cost(None, None, final=False, units=units)
