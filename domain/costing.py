"""Costs in groups: what they may be grouped by, and sums that add up."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from re import compile as pattern
from typing import Final, Self

MOST_NAMES: Final = 8
_TAG: Final = "tag."
_TAG_NAME: Final = pattern(r"[A-Za-z0-9_.-]{1,64}")


class Dimension(StrEnum):
    """What costs can be grouped by, beside the tags (``tag.NAME``)."""

    PROVIDER = "provider"
    ENDPOINT = "endpoint"
    MODEL = "model"
    KIND = "kind"
    STATUS = "status"
    BASIS = "basis"
    BATCH = "batch_id"
    DAY = "day"
    MONTH = "month"
    SANDBOX = "sandbox"


class GroupingError(ValueError):
    """Costs cannot be grouped like that; the message says how they can."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What costs are grouped by, in this order; a name is a ``Dimension`` or ``tag.NAME``."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``provider,tag.client,day``; nothing at all is one group.

        Raises:
            GroupingError: a name is not known or comes twice, or there are too many.
        """
        names = tuple(name.strip() for name in text.split(",")) if text.strip() else ()
        for name in names:
            _check(name)
        if len(set(names)) < len(names):
            raise GroupingError("names something twice: give each name once")
        if len(names) > MOST_NAMES:
            raise GroupingError(f"has {len(names)} names: give at most {MOST_NAMES}")
        return cls(names)

    @property
    def fine(self) -> bool:
        """Whether it tells batches or tags apart."""
        return any(tag_of(name) is not None or name == Dimension.BATCH for name in self.names)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a group of jobs comes to; amounts in nano-dollars. Counts are of jobs unless they say otherwise.

    ``unknown`` have an attempt whose cost nobody knows, which no amount includes; ``not_final`` may yet cost
    something else, ``over_max`` cost more than their ``max_cost_usd``. ``priced`` attempts have a known cost,
    ``invoiced`` ones a bill.
    """

    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    review: int = 0
    priced: int = 0
    unknown: int = 0
    not_final: int = 0
    over_max: int = 0
    invoiced: int = 0
    held_nano: int = 0
    spent_nano: int = 0
    spin_up_nano: int = 0
    invoiced_nano: int = 0

    def __add__(self, other: Self) -> Self:
        """Both together."""
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def open(self) -> int:
        """Jobs on their way."""
        return self.jobs - self.succeeded - self.failed - self.canceled - self.review

    @property
    def known_spent_nano(self) -> int | None:
        """What was spent; None where nothing is known of it: unknown is never 0."""
        return None if self.unknown and not self.priced else self.spent_nano

    @property
    def known_invoiced_nano(self) -> int | None:
        """What was billed; None where nothing was yet."""
        return self.invoiced_nano if self.invoiced else None


def together(sums: Iterable[Sums]) -> Sums:
    """All of them in one."""
    total = Sums()
    for one in sums:
        total += one
    return total


def tag_of(name: str) -> str | None:
    """The tag that a name of a grouping means; None for a ``Dimension``."""
    return name.removeprefix(_TAG) if name.startswith(_TAG) else None


def _check(name: str) -> None:
    tag = tag_of(name)
    if tag is not None:
        if not _TAG_NAME.fullmatch(tag):
            raise GroupingError(f"has no tag in {name[:80]!r}: write it like tag.client")
        return
    known = [*Dimension, "tag.NAME"]
    if name in known[:-1]:
        return
    like = get_close_matches(name, known, n=1)
    advice = f"did you mean {like[0]}?" if like else f"known are {', '.join(known)}"
    raise GroupingError(f"cannot be {name[:80]!r}: {advice}")
