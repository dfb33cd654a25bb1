"""One thing that `darkroom doctor` has looked at: how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a part is; only FAIL makes the doctor fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found of a part, and the remedy where one is needed; fit to be shown, so without secrets."""

    part: str
    state: State
    found: str
    remedy: str = ""


def ok(part: str, found: str) -> Diagnosis:
    """The part is well."""
    return Diagnosis(part, State.OK, found)


def warn(part: str, found: str, remedy: str) -> Diagnosis:
    """The part works, or is not needed just now, but should be looked after."""
    return Diagnosis(part, State.WARN, found, remedy)


def fail(part: str, found: str, remedy: str) -> Diagnosis:
    """The part does not work."""
    return Diagnosis(part, State.FAIL, found, remedy)
