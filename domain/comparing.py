"""What was paid for one way to run a model, beside the others: order, spread, and what a month would come to.

Medians and other percentiles are order statistics: the least of the values that at least so many percent of
all do not exceed. So each is a value that really was, and there is nothing between two of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from typing import Final

from domain.evidence import ENOUGH

# Of a hundred months, the bills of so many would lie within an interval.
SURE_PERCENT: Final = 95
_EXACT: Final = Context(prec=120)
_TENTH: Final = Decimal("0.1")
# Student's t, two-sided, 95 %: by degrees of freedom from 1 to 30, then for at least so many.
_T: Final = (
    *("12.706", "4.303", "3.182", "2.776", "2.571", "2.447", "2.365", "2.306", "2.262", "2.228"),
    *("2.201", "2.179", "2.160", "2.145", "2.131", "2.120", "2.110", "2.101", "2.093", "2.086"),
    *("2.080", "2.074", "2.069", "2.064", "2.060", "2.056", "2.052", "2.048", "2.045", "2.042"),
)
_T_OF_MANY: Final = ((120, "1.980"), (60, "2.000"), (30, "2.042"))


class Certainty(StrEnum):
    """How sure a projected month is."""

    EXACT = "exact"
    INTERVAL = "interval"
    TOO_FEW = "too_few"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Paid:
    """What jobs cost, in nano-dollars: of ``n`` the cost is known, of ``unknown`` it is not.

    ``total`` is the sum of the known ones, ``squares`` the sum of their squares. The amounts are None where
    none is known; ``not_final`` of the known ones may yet change.
    """

    n: int
    unknown: int = 0
    not_final: int = 0
    minimum: int | None = None
    median: int | None = None
    maximum: int | None = None
    total: int = 0
    squares: int = 0

    @property
    def mean_nano(self) -> int | None:
        """The mean of what is known, half a nano-dollar rounded up; None where nothing is."""
        return None if not self.n else (2 * self.total + self.n) // (2 * self.n)

    @property
    def spread_percent(self) -> Decimal | None:
        """By how much the dearest cost more than the cheapest, to a tenth; None where that says nothing."""
        if self.minimum is None or self.maximum is None:
            return None
        if self.minimum == self.maximum:
            return Decimal("0.0")
        return share_percent(self.maximum - self.minimum, self.minimum)


@dataclass(frozen=True, slots=True)
class Projection:
    """What so many jobs would cost, in nano-dollars, and between which ends.

    ``why`` says what its certainty stands on.
    """

    certainty: Certainty
    why: str
    nano: int | None = None
    low_nano: int | None = None
    high_nano: int | None = None


def percentile(values: Sequence[int], percent: int) -> int:
    """The least value that at least ``percent`` percent of all do not exceed; as SQL's ``percentile_disc``.

    Raises:
        ValueError: there are no values, or ``percent`` is not from 0 to 100.
    """
    if not values or percent not in range(101):
        raise ValueError("a percentile needs values, and a percentage from 0 to 100")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def paid(costs: Sequence[int | None]) -> Paid:
    """What these costs come to; None is one that nobody knows."""
    known = [one for one in costs if one is not None]
    if not known:
        return Paid(0, len(costs))
    squares = sum(one * one for one in known)
    middle = percentile(known, 50)
    ends = (min(known), middle, max(known))
    return Paid(len(known), len(costs) - len(known), 0, *ends, total=sum(known), squares=squares)


def share_percent(part: int, whole: int) -> Decimal | None:
    """A part of a whole in percent, to a tenth; None of nothing."""
    return None if not whole else _EXACT.divide(part * 100, whole).quantize(_TENTH, ROUND_HALF_UP, _EXACT)


def projection(found: Paid, monthly: int) -> Projection:
    """What ``monthly`` jobs a month would cost, were they like those that were paid."""
    if not found.n or found.minimum is None or found.maximum is None:
        return Projection(Certainty.UNKNOWN, _nothing(found))
    nano = (2 * found.total * monthly + found.n) // (2 * found.n)
    if found.n < ENOUGH:
        few = "1 payment is" if found.n == 1 else f"{found.n} payments are"
        why = f"{few} too few to say how sure this is: run at least {ENOUGH}"
        return Projection(Certainty.TOO_FEW, _and_doubts(why, found), nano)
    alike = found.minimum == found.maximum
    if alike and not found.unknown and not found.not_final:
        return Projection(Certainty.EXACT, f"all {found.n} payments were the same", nano, nano, nano)
    if alike:
        why = _and_doubts(f"all {found.n} known payments were the same", found)
        return Projection(Certainty.INTERVAL, why, nano, nano, nano)
    low, high = _interval(found, monthly)
    why = f"{SURE_PERCENT} % of such months, by the mean and the scatter of {found.n} payments"
    return Projection(Certainty.INTERVAL, _and_doubts(why, found), nano, low, high)


def _interval(found: Paid, monthly: int) -> tuple[int, int]:
    """Between which ends a month's bill lies: the doubt about the mean, and the month's own scatter.

    Sum of m draws, by Student's t over n payments: m x mean plus or minus t x s x sqrt(m2 / n + m).
    """
    n, m = found.n, monthly
    with localcontext(_EXACT):
        variance = Decimal(n * found.squares - found.total * found.total) / (n * (n - 1))
        reach = _t(n - 1) * (variance * (Decimal(m * m) / n + m)).sqrt()
        middle = Decimal(found.total * m) / n
        low = (middle - reach).to_integral_value(ROUND_FLOOR)
        high = (middle + reach).to_integral_value(ROUND_CEILING)
    return max(int(low), 0), int(high)


def _t(freedom: int) -> Decimal:
    """Student's t for so many degrees of freedom; between two rows of the table the larger."""
    if freedom <= len(_T):
        return Decimal(_T[freedom - 1])
    return Decimal(next(value for least, value in _T_OF_MANY if freedom >= least))


def _nothing(found: Paid) -> str:
    if not found.unknown:
        return "no job has succeeded yet"
    jobs = "the cost of its 1 job is" if found.unknown == 1 else f"the costs of all {found.unknown} jobs are"
    return f"{jobs} not known"


def _and_doubts(why: str, found: Paid) -> str:
    doubts = []
    if found.unknown:
        doubts.append(f"{found.unknown} {'is' if found.unknown == 1 else 'are'} not known and left out")
    if found.not_final:
        doubts.append(f"{found.not_final} may yet change")
    return "; ".join([why, *doubts])
