"""What the checks of a job request find wrong, as faults of the columns that it came from."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.sheets.columns import Place
from domain.sheets.names import shortened
from domain.sheets.problems import ProblemCode

_CODES: Final[Mapping[str, ProblemCode]] = {
    "missing": ProblemCode.MISSING,
    "string_too_long": ProblemCode.TOO_LONG,
    "too_long": ProblemCode.TOO_LONG,
    "greater_than_equal": ProblemCode.OUT_OF_RANGE,
    "less_than_equal": ProblemCode.OUT_OF_RANGE,
    "less_than": ProblemCode.OUT_OF_RANGE,
    "enum": ProblemCode.NOT_ALLOWED,
    "literal_error": ProblemCode.NOT_ALLOWED,
}
_SENTENCES: Final[Mapping[ProblemCode, str]] = {
    ProblemCode.MISSING: "the cell is empty",
    ProblemCode.TOO_LONG: "{} is too long",
    ProblemCode.OUT_OF_RANGE: "{} is out of range",
    ProblemCode.NOT_ALLOWED: "{} is not one of the choices",
    ProblemCode.INVALID: "{} is not written as it has to be",
}
# What people write in these may be private, or is too long to be shown: they are told of without their text.
_UNSHOWN: Final = frozenset(
    {"prompt", "negative_prompt", "image_url", "last_image_url", "loras", "extra", "callback_url", "hint"}
)


class Fault(NamedTuple):
    """Something wrong with what belongs to one place and key of a job request; ``""`` is the place itself."""

    place: Place
    key: str
    code: ProblemCode
    message: str


def complaints(refused: ValidationError) -> Iterator[Fault]:
    """One fault for each field that is wrong; a union that complains of each of its branches counts once."""
    seen: set[tuple[Place, str]] = set()
    for error in refused.errors(include_url=False, include_context=False):
        fault = _fault(error)
        if (fault.place, fault.key) not in seen:
            seen.add((fault.place, fault.key))
            yield fault


def _fault(error: ErrorDetails) -> Fault:
    place, key = _where(error["loc"])
    code = _CODES.get(error["type"], ProblemCode.INVALID)
    shown = place in {Place.INPUT, Place.ROUTING, Place.REQUEST} and key not in _UNSHOWN
    subject = shortened(str(error["input"])) if shown else "the text"
    return Fault(place, key, code, _SENTENCES[code].format(subject))


def _where(loc: tuple[Any, ...]) -> tuple[Place, str]:
    if loc[0] in (Place.INPUT, Place.ROUTING, Place.TAGS):
        return Place(loc[0]), str(loc[1]) if len(loc) > 1 else ""
    return Place.REQUEST, str(loc[0])
