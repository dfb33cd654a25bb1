"""What the demo has found: a promise, and every way in which it was not kept."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise; it is kept when there are no deviations."""

    promise: str
    deviations: tuple[str, ...]

    @classmethod
    def of(cls, promise: str, deviations: Iterable[str | None]) -> "Finding":
        """A finding from what may be deviations: None is none."""
        return cls(promise, tuple(one for one in deviations if one is not None))

    @property
    def kept(self) -> bool:
        """Whether all was as promised."""
        return not self.deviations
