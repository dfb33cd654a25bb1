"""What is wrong with a request, field by field, as sentences that say what would be right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from api.answers import Fault
from api.fields import advice

# How to write what a pattern wants; a pattern that is not here is shown as it is.
_WRITTEN_LIKE: Final[Mapping[str, str]] = {
    r"^\d{1,2}:\d{1,2}$": "must be a ratio like 16:9",
    r"^[0-9A-Za-z.]{1,10}$": "must be a resolution like 720p or 2K",
    r"^https?://": "must be a URL that begins with https:// (or http://)",
    r"^[\x21-\x7e]+$": "must be visible ASCII characters without spaces",
    r"^[\x21-\x7e]{1,255}$": "must be 1 to 255 visible ASCII characters without spaces",
    r"^[A-Za-z0-9_.-]{1,64}$": "must be 1 to 64 letters, digits or any of _ . -",
    r"^[^\x00-\x1f\x7f]+$": "must not contain control characters",
    r"^[A-Za-z0-9_.-]{1,64}:[^\x00]{0,256}$": "must be a tag like client:acme",
    r"^[^\x00]+$": "must not contain the NUL character",
}

_SENTENCES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is required",
    "string_type": lambda _: "must be text",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "is too large a number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "decimal_type": lambda _: "must be a number",
    "decimal_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "enum": lambda about: f"must be {about['expected']}",
    "literal_error": lambda about: f"must be {about['expected']}",
    "greater_than": lambda about: f"must be more than {_figure(about['gt'])}",
    "greater_than_equal": lambda about: f"must be {_figure(about['ge'])} or more",
    "less_than": lambda about: f"must be less than {_figure(about['lt'])}",
    "less_than_equal": lambda about: f"must be {_figure(about['le'])} or less",
    "string_too_short": lambda about: _length("at least", about["min_length"], "character"),
    "string_too_long": lambda about: _length("at most", about["max_length"], "character"),
    "too_short": lambda about: _length("at least", about["min_length"], "entry"),
    "too_long": lambda about: _length("at most", about["max_length"], "entry"),
    "string_pattern_mismatch": lambda about: _WRITTEN_LIKE.get(
        about["pattern"], f"must match {about['pattern']}"
    ),
    "value_error": lambda about: str(about["error"]),
    "uuid_parsing": lambda _: "must be an id like 0199aa00-0000-7000-8000-000000000000",
    "timezone_aware": lambda _: "must say its time zone, like 2026-01-31T12:00:00Z",
    "datetime_parsing": lambda _: "must be a time like 2026-01-31T12:00:00Z (write + as %2B in a URL)",
    "datetime_from_date_parsing": lambda _: "must be a time like 2026-01-31T12:00:00Z (write + as %2B)",
}


def complaints(
    errors: Sequence[ErrorDetails], document: object, model: type[BaseModel] | None = None
) -> list[Fault]:
    """One fault for each field of ``document`` that is wrong; ``model`` is what it should have been."""
    found: dict[str, list[str]] = {}
    for error in errors:
        field = _field(error, document)
        found.setdefault(field, []).append(_sentence(error, field, model))
    # A union complains of the whole beside the part of it that is wrong: the part says it better.
    inner = [field for field in found if not any(other.startswith(f"{field}.") for other in found)]
    return [{"field": field, "message": ", or ".join(found[field])} for field in inner]


def _sentence(error: ErrorDetails, field: str, model: type[BaseModel] | None) -> str:
    if error["type"] == "extra_forbidden":
        parent, _, name = field.rpartition(".")
        return "is not known" if model is None else f"is not known: {advice(model, parent, name)}"
    known = _SENTENCES.get(error["type"])
    sentence = known(error.get("ctx", {})) if known is not None else error["msg"]
    return f"its name {sentence}" if error["loc"][-1:] == ("[key]",) else sentence


def _field(error: ErrorDetails, document: object) -> str:
    """The dotted name of what is wrong: pydantic's location without the names of its own branches."""
    names: list[str] = []
    at = document
    for step in error["loc"]:
        if isinstance(at, dict) and isinstance(step, str) and (step in at or error["type"] == "missing"):
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            continue
        names.append(str(step))
    return ".".join(names)


def _figure(limit: float) -> float:
    """A limit as a person would write it: 4, not 4.0."""
    return int(limit) if limit == int(limit) else limit


def _length(bound: str, count: int, what: str) -> str:
    if count == 1 and bound == "at least":
        return "must not be empty"
    plural = {"character": "characters", "entry": "entries"}[what]
    return f"must have {bound} {count} {what if count == 1 else plural}"
