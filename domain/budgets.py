"""Budgets: what a project, or the jobs with one tag, may cost in a period, and what still fits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

# When the one period of a budget in total began.
EVER: Final = date(1970, 1, 1)


class Scope(StrEnum):
    """Whose jobs count: all of the project's, or those with a tag."""

    PROJECT = "project"
    TAG = "tag"


class Period(StrEnum):
    """For how long a budget lasts, by UTC; one in total never renews."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"

    def start(self, at: datetime) -> date:
        """The first day of the period that ``at`` falls into."""
        return self.start_of(at.astimezone(UTC).date())

    def start_of(self, day: date) -> date:
        """The first day of the period of a day."""
        if self is Period.TOTAL:
            return EVER
        return day if self is Period.DAY else day.replace(day=1)

    def end(self, start: date) -> datetime | None:
        """When the period after the one that began on ``start`` begins; None for a budget in total."""
        if self is Period.TOTAL:
            return None
        following = start + timedelta(days=1 if self is Period.DAY else 31)
        if self is Period.MONTH:
            following = following.replace(day=1)
        return datetime.combine(following, time(), UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in nano-dollars; ``warn_permille`` is the part of it, in thousandths, from which on to warn."""

    id: UUID
    project_id: UUID
    scope: Scope
    tag: tuple[str, str] | None
    period: Period
    limit_nano: int
    warn_permille: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands in the period that began on ``start``.

    ``exceeded_in`` and ``warned_in`` are the periods in which that was last told.
    """

    budget: Budget
    start: date
    held_nano: int
    spent_nano: int
    exceeded_in: date | None = None
    warned_in: date | None = None

    @property
    def left_nano(self) -> int:
        """What is neither held nor spent; never less than 0."""
        return max(self.budget.limit_nano - self.held_nano - self.spent_nano, 0)

    @property
    def renews_at(self) -> datetime | None:
        """When the next period begins; None for a budget in total."""
        return self.budget.period.end(self.start)

    @property
    def is_to_be_told(self) -> bool:
        """Whether nobody was told in this period that the budget refuses."""
        return self.exceeded_in != self.start


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the budgets: a job, when it counts from, and the most that it may cost.

    ``nano`` is 0 where that is not ``known``. ``moved`` is held for it already, in the period of ``since``.
    """

    project_id: UUID
    tags: Mapping[str, str]
    at: datetime
    nano: int
    known: bool = True
    moved: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A job does not fit: the budget as it stood, and what the job may cost, None where nobody knows."""

    standing: Standing
    may_cost_nano: int | None


class BudgetExceeded(Exception):  # noqa: N818 - names the fact
    """A budget does not cover a job."""

    def __init__(self, exceeded: Exceeded) -> None:
        super().__init__("a budget does not cover it")
        self.exceeded = exceeded


class Purse:
    """The budgets of some projects, held by whoever asks; each job that fits takes its part at once."""

    def __init__(self, standings: Iterable[Standing]) -> None:
        self._accounts: dict[UUID, list[_Account]] = defaultdict(list)
        for one in standings:
            self._accounts[one.budget.project_id].append(_Account(one, one.left_nano))

    def limits(self, project_id: UUID) -> bool:
        """Whether the project has a budget."""
        return project_id in self._accounts

    def take(self, wanted: Wanted) -> Exceeded | None:
        """None where the job fits every budget that covers it; else which one it does not, and nothing taken.

        Of several the one that renews last is named. A job of unknown price fits while something is left.
        """
        if wanted.project_id not in self._accounts:
            return None
        day = wanted.at.astimezone(UTC).date()
        parts = [
            (account, account.needs(wanted))
            for account in self._accounts[wanted.project_id]
            if account.covers(wanted.tags, day)
        ]
        refusing = [
            (account, nano)
            for account, nano in parts
            if nano > account.left or (account.left <= 0 and not wanted.known)
        ]
        if refusing:
            account, nano = max(refusing, key=_renewal)
            return Exceeded(account.now(), nano if wanted.known else None)
        for account, nano in parts:
            account.left -= nano
            account.taken += nano
        return None


@dataclass(slots=True)
class _Account:
    """A budget while it is held: what is left of it, and what was taken since."""

    standing: Standing
    left: int
    taken: int = 0

    def covers(self, tags: Mapping[str, str], day: date) -> bool:
        budget = self.standing.budget
        tagged = budget.tag is None or tags.get(budget.tag[0]) == budget.tag[1]
        return tagged and budget.period.start_of(day) == self.standing.start

    def needs(self, wanted: Wanted) -> int:
        """What is held for the job anew in this period: what it holds in an earlier one comes along."""
        if not wanted.moved or wanted.since is None:
            return wanted.nano
        moves = self.standing.budget.period.start(wanted.since) != self.standing.start
        return wanted.nano + (wanted.moved if moves else 0)

    def now(self) -> Standing:
        return replace(self.standing, held_nano=self.standing.held_nano + self.taken)


def _renewal(part: tuple[_Account, int]) -> datetime:
    return part[0].standing.renews_at or datetime.max.replace(tzinfo=UTC)
