"""What the budgets of projects and tags allow batches: which rows fit next, and what a batch waits for."""

from collections.abc import Sequence
from uuid import UUID

from domain.budgets import Exceeded, Purse, Wanted
from domain.lanes import Lane
from services.runtime import Runtime
from services.spending import move, tell_exceeded
from storage import jobs
from storage.batches import turns
from storage.batches.turns import NextRow, Turn
from storage.database import Session


class Allowance:
    """The budgets of the projects whose rows are let out, held until the unit of work ends.

    Rows keep their order: the first of an endpoint's rows that does not fit holds up those behind it.
    """

    def __init__(self, runtime: Runtime, session: Session, purse: Purse) -> None:
        self._runtime = runtime
        self._session = session
        self._purse = purse
        self._refused: dict[UUID, Exceeded] = {}

    def jobs(self, turn: Turn, lane: Lane, most: int) -> list[UUID] | None:
        """The jobs of the next rows that fit, which are taken as held; None where no budget limits them."""
        if not self._purse.limits(turn.project_id):
            return None
        fitting: list[UUID] = []
        for row in turns.next_rows(self._session, turn.id, lane, most=most):
            if not self._fits(turn, row):
                break
            fitting.append(row.job_id)
        return fitting

    def say(self, open_: Sequence[Turn]) -> None:
        """Note what each batch waits for, and tell of each budget that refuses, once in a period."""
        for turn in open_:
            exceeded = self._refused.get(turn.id)
            budget_id = None if exceeded is None else exceeded.standing.budget.id
            if budget_id != turn.waiting_budget:
                turns.waits_for(self._session, turn.id, budget_id)
            if exceeded is not None and exceeded.standing.is_to_be_told:
                tell_exceeded(self._runtime, self._session, exceeded)

    def _fits(self, turn: Turn, row: NextRow) -> bool:
        wanted = Wanted(
            turn.project_id,
            row.tags,
            self._runtime.clock(),
            row.nano,
            known=row.nano > 0,
            moved=row.reserved_nano,
            since=row.since,
        )
        exceeded = self._purse.take(wanted)
        if exceeded is not None:
            self._refused[turn.id] = exceeded
        elif row.reserved_nano:
            self._move(row.job_id)
        return exceeded is None

    def _move(self, job_id: UUID) -> None:
        job = jobs.lock_job(self._session, job_id)
        if job is not None:
            move(self._session, job, runtime=self._runtime)
