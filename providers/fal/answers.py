"""Reading fal's JSON: fractions as decimals, and one error for everything that cannot be read."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Unreadable(ValueError):  # noqa: N818 - names the fact
    """The body is not the JSON that was due."""


def parse(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The JSON value of ``body``; fractions come as Decimal, and NaN and its like as None.

    Raises:
        Unreadable: not JSON.
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error


def parse_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of ``body``.

    Raises:
        Unreadable: not JSON, or not an object.
    """
    value = parse(body)
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def amount(value: object) -> Decimal | None:
    """A JSON number of at least zero; None for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value) if value >= 0 else None


def count(value: object) -> int | None:
    """A whole JSON number of at least zero; None for anything else."""
    return value if isinstance(value, int) and amount(value) is not None else None


def _no_number(_: str) -> None:
    """An application that prints NaN into its answer must not make the rest of it unreadable."""
