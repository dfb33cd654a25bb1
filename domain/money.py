"""Money as whole nano-dollars: exact parsing, exact products and exact printing."""

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Final

NANO_PER_USD: Final = 1_000_000_000
MAX_NANO_USD: Final = 2**63 - 1
_MOST_DIGITS: Final = 18

# Wide enough that units x price never rounds before the last step.
_EXACT: Final = Context(prec=100)


class MoneyError(ValueError):
    """An amount that cannot be read as whole nano-dollars."""


def parse_usd(text: str) -> int:
    """Read a decimal amount of dollars, such as ``"0.061"``, as whole nano-dollars.

    Raises:
        MoneyError: not a plain decimal number, negative, too large, or finer than a nano-dollar.
    """
    nano = _decimal(text) * NANO_PER_USD
    if nano != nano.to_integral_value():
        raise MoneyError(f"{text!r} is finer than a nano-dollar: give at most 9 decimal places")
    return _checked(int(nano))


def to_nano(amount: Decimal) -> int:
    """Dollars as whole nano-dollars; half a nano-dollar is rounded up, the only rounding there is."""
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount of money")
    return _checked(int(_EXACT.multiply(amount, NANO_PER_USD).to_integral_value(ROUND_HALF_UP)))


def product(units: Decimal, unit_price: Decimal) -> int:
    """What ``units`` at ``unit_price`` dollars each cost, in whole nano-dollars."""
    return to_nano(_EXACT.multiply(units, unit_price))


def format_usd(nano: int) -> str:
    """Nano-dollars as dollars without trailing zeros: ``61000000`` is ``"0.061"``."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO_PER_USD)
    decimals = f"{fraction:09d}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _decimal(text: str) -> Decimal:
    try:
        amount = Decimal(text.strip())
    except InvalidOperation as error:
        raise MoneyError(f"{text!r} is not an amount in dollars: write it like 0.50") from error
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        raise MoneyError(f"{text!r} is not an amount in dollars: write it like 0.50")
    return amount


def _checked(nano: int) -> int:
    if not 0 <= nano <= MAX_NANO_USD:
        raise MoneyError("an amount must be between 0 and 9223372036 dollars")
    return nano
