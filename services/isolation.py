"""A step with many at once, and with each alone where one of them spoils it for the others."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from domain.lifecycle import MoveRefused
from storage.database import DatabaseTrouble
from storage.outage import DATABASE_AWAY

Item = TypeVar("Item")
Result = TypeVar("Result")

# What only one job's own values can cause. A database that is away is none of these: that concerns them all.
FAULTS_OF_ONE: Final = (ArithmeticError, DatabaseTrouble, KeyError, MoveRefused, TypeError, ValueError)


def unspoiled(
    step: Callable[[Sequence[Item]], Result], items: Sequence[Item], spoiled: Callable[[Item, str], None]
) -> list[Result]:
    """Take ``step`` with all ``items``; should it fail, with each alone, and answer what came of those.

    ``spoiled`` is told of each that fails by itself, and by what kind of fault: its text may hold what
    belongs in no log.
    """
    try:
        return [step(items)]
    except DATABASE_AWAY:
        raise
    except FAULTS_OF_ONE as error:
        if len(items) == 1:
            spoiled(items[0], type(error).__name__)
            return []
    return [result for item in items for result in unspoiled(step, [item], spoiled)]
