"""What a provider charges, in whole nano-dollars, by its own arithmetic."""

from decimal import ROUND_HALF_UP, Decimal

_NANO = Decimal(10) ** 9


def nano(usd: Decimal | str) -> int:
    """Dollars as whole nano-dollars, half up."""
    return int((Decimal(usd) * _NANO).to_integral_value(ROUND_HALF_UP))


def units_times_price(units: str, unit_price: str) -> int:
    """A metered request's charge."""
    return nano(Decimal(units) * Decimal(unit_price))
