"""What columns are called: the names that mean something, however they are written, and where they stand."""

import re
from typing import Final

from domain.generation import GenerationInput, JobRequest, Routing

ROW_ID: Final = "row_id"

INPUT_FIELDS: Final = frozenset(GenerationInput.model_fields)
ROUTING_FIELDS: Final = frozenset(Routing.model_fields)
# Of the request itself; its parts have columns of their own.
REQUEST_FIELDS: Final = frozenset(JobRequest.model_fields) - {"input", "routing", "tags"}
_OURS: Final = INPUT_FIELDS | ROUTING_FIELDS | REQUEST_FIELDS | {ROW_ID}

_GAPS: Final = re.compile(r"[\s-]+")
_LETTERS: Final = 26
_SHOWN: Final = 60


def column_key(name: str) -> str:
    """The name by which two columns are the same: in any case, and ``Image URL`` is ``image_url``."""
    folded = name.strip().casefold()
    ours = _GAPS.sub("_", folded)
    return ours if ours in _OURS else folded


def place_of(number: int) -> str:
    """Where the column with this number, from 0 on, stands in a spreadsheet: ``column 28 (AB)``."""
    letters = ""
    left = number + 1
    while left:
        left, letter = divmod(left - 1, _LETTERS)
        letters = chr(ord("A") + letter) + letters
    return f"column {number + 1} ({letters})"


def shortened(text: str) -> str:
    """A text in quotes, cut where it is too long for a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
