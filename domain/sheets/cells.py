"""One cell's text as the value of its field; each reader raises CellError for what it cannot take."""

import re
from typing import Final

from domain.sheets.damage import refuse_rounded, refuse_time
from domain.sheets.json_cells import json_value
from domain.sheets.limits import MAX_ROW_ID_CHARACTERS
from domain.sheets.names import shortened
from domain.sheets.problems import CellError, ProblemCode

# More digits than any field takes; longer ones would only cost time.
_MOST_DIGITS: Final = 30
_WHOLE: Final = re.compile(r"([+-]?[0-9]{1,30})(?:\.0*)?")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+")
_SCALED: Final = re.compile(r"(.+):([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+))")
_BETWEEN: Final = re.compile(r"[\s,;]+")
_SHARE: Final = re.compile(r"([a-z]+)[:=]([0-9]{1,6})%?")
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def verbatim(cell: str) -> str:
    """Text for people or for a provider, as it stands."""
    return cell


def word(cell: str) -> str:
    """A name or an address, without the space around it."""
    return cell.strip()


def choice(cell: str) -> str:
    """One of a few words, in any case."""
    return cell.strip().lower()


def ranking(cell: str) -> str | list[str]:
    """One of a few words, or several in their order."""
    words = _BETWEEN.split(cell.strip().lower())
    return words[0] if len(words) == 1 else words


def shares(cell: str) -> object:
    """Shares as ``linkmodel:80 fal:20``, or as a JSON object."""
    text = cell.strip()
    if text.startswith("{"):
        return json_value(text)
    found = [_SHARE.fullmatch(part) for part in _BETWEEN.split(text.lower())]
    given = {one[1]: int(one[2]) for one in found if one is not None}
    if len(given) < len(found):
        raise CellError(ProblemCode.INVALID, f"{shortened(text)} is not a list of shares")
    return given


def whole(cell: str) -> int:
    """A whole number, also as spreadsheets write it: ``5.0``."""
    if cell.isascii() and cell.isdecimal() and len(cell) <= _MOST_DIGITS:
        return int(cell)
    text = cell.strip()
    found = _WHOLE.fullmatch(text)
    if found is not None:
        return int(found[1])
    refuse_rounded(text)
    comma = ", for its comma" if _DECIMAL_COMMA.fullmatch(text) else ""
    raise CellError(ProblemCode.NOT_A_NUMBER, f"{shortened(text)} is not a whole number{comma}")


def truth(cell: str) -> bool:
    """Yes or no, in any case."""
    found = _TRUTHS.get(cell.strip().lower())
    if found is None:
        raise CellError(ProblemCode.NOT_ALLOWED, f"{shortened(cell.strip())} is neither yes nor no")
    return found


def dollars(cell: str) -> str:
    """An amount in dollars, still as text."""
    text = cell.strip()
    if _DECIMAL_COMMA.fullmatch(text):
        raise CellError(ProblemCode.INVALID, f"{shortened(text)} has a comma: cents come after a point")
    if "$" in text:
        raise CellError(ProblemCode.INVALID, f"{shortened(text)} has a currency sign: write the number alone")
    return text


def ratio(cell: str) -> str:
    """A ratio such as ``16:9``, unless a spreadsheet took it for a time."""
    text = cell.strip()
    refuse_time(text)
    return text


def identity(cell: str) -> str:
    """The customer's own name for the row."""
    text = cell.strip()
    refuse_rounded(text)
    if len(text) > MAX_ROW_ID_CHARACTERS:
        raise CellError(ProblemCode.TOO_LONG, f"the row id has {len(text)} characters")
    return text


def urls(cell: str) -> object:
    """One URL, several with space between them, or a JSON list."""
    text = cell.strip()
    if text.startswith("["):
        return json_value(text)
    several = text.split()
    return several if len(several) > 1 else text


def loras(cell: str) -> object:
    """JSON, or each one as ``path`` or ``path:scale``, with space between them."""
    text = cell.strip()
    if text.startswith("{"):
        return [json_value(text)]
    if text.startswith("["):
        return json_value(text)
    return [_lora(each) for each in text.split()]


def _lora(text: str) -> dict[str, object]:
    scaled = _SCALED.fullmatch(text)
    if scaled is None:
        return {"path": text}
    if "," in scaled[2]:
        raise CellError(
            ProblemCode.NOT_A_NUMBER, f"the scale {shortened(scaled[2])} has a comma: write a point"
        )
    return {"path": scaled[1], "scale": float(scaled[2])}
