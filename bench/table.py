"""Rows of the table: what was measured, how it spread over the runs, and whether it reaches its bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

Better = Literal["lower", "higher"]
_HEAD: Final = ("", "median", "spread", "unit", "bar", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``values`` holds one per run; ``bar`` is what it must reach, ``better`` on which side."""

    name: str
    values: tuple[float, ...]
    unit: str
    bar: float | None = None
    better: Better = "lower"

    @property
    def median(self) -> float:
        """The middle one of its values."""
        return median(self.values)

    @property
    def verdict(self) -> str:
        """``PASS`` or ``MISS`` by the median; nothing where there is no bar."""
        if self.bar is None:
            return ""
        reached = self.median <= self.bar if self.better == "lower" else self.median >= self.bar
        return "PASS" if reached else "MISS"

    def as_json(self) -> dict[str, Any]:
        """The row as it is written to a file."""
        return {
            "name": self.name,
            "median": self.median,
            "values": list(self.values),
            "unit": self.unit,
            "bar": self.bar,
            "better": self.better,
            "verdict": self.verdict or None,
        }

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        low, high = min(self.values), max(self.values)
        spread = "" if len(self.values) == 1 else f"{_number(low)} to {_number(high)}"
        sign = "<=" if self.better == "lower" else ">="
        bar = "" if self.bar is None else f"{sign} {_number(self.bar)}"
        return (self.name, _number(self.median), spread, self.unit, bar, self.verdict)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie."""
    ordered = sorted(values)
    return ordered[min(round(share * (len(ordered) - 1)), len(ordered) - 1)]


def render(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _number(value: float) -> str:
    """Three digits that count; whole numbers in full."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.3g}"
