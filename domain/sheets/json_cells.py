"""Cells that hold JSON, read strictly: what cannot be kept exactly is refused, and nothing is guessed."""

import json
import math
from typing import Any, Final, NoReturn

from domain.sheets.problems import CellError, ProblemCode

MAX_DEPTH: Final = 64
# Spreadsheets write their truth values in capitals, whatever was typed.
_CAPITALS: Final = {"TRUE": True, "FALSE": False}


def json_value(text: str) -> Any:  # noqa: ANN401 - whatever the JSON is
    """The value of the JSON.

    Raises:
        CellError: it is not JSON, or cannot be kept as it stands.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        sentence = f"it is not JSON: {error.msg} at character {error.pos + 1}"
        raise CellError(ProblemCode.INVALID, sentence) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        # The interpreter refuses to read whole numbers of thousands of digits, which takes quadratic time.
        raise CellError(ProblemCode.INVALID, "its JSON holds a number that cannot be kept") from error
    return _keepable(value)


def json_object(cell: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        CellError: it is not JSON, no object, or cannot be kept as it stands.
    """
    value = json_value(cell.strip())
    if not isinstance(value, dict):
        raise CellError(ProblemCode.INVALID, "it is JSON, but not an object")
    return value


def json_or_text(cell: str) -> object:
    """The value of the JSON where the cell is JSON, otherwise its text.

    Raises:
        CellError: it is JSON that cannot be kept as it stands.
    """
    text = cell.strip()
    if text in _CAPITALS:
        return _CAPITALS[text]
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return text
    return _keepable(value)


def _keepable(value: object) -> object:
    """The same value, unless a database or a provider could not take it as it stands."""
    left: list[tuple[object, int]] = [(value, 1)]
    while left:
        item, depth = left.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, dict):
            left.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            left.extend((part, depth + 1) for part in item)
        elif (trouble := _trouble(item)) is not None:
            raise CellError(ProblemCode.INVALID, f"its JSON holds {trouble}")
    return value


def _trouble(item: object) -> str | None:
    if isinstance(item, float) and not math.isfinite(item):
        return "a number beyond 1.8e308"
    if not isinstance(item, str):
        return None
    if "\0" in item:
        return "the NUL character (\\u0000)"
    try:
        item.encode()
    except UnicodeEncodeError:
        return "half a surrogate pair (\\ud800 to \\udfff)"
    return None


def _too_deep() -> CellError:
    return CellError(ProblemCode.INVALID, f"its JSON is nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CellError(ProblemCode.INVALID, "its JSON has a name twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)
