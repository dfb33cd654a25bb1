"""From what a row asks for to a job as it is written down: planned, priced, its JSON as text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from domain.generation import JobRequest
from domain.sheets.columns import Place, columns, expected
from domain.sheets.header import Header
from domain.sheets.interpreting import RowRequest
from domain.sheets.problems import ProblemCode, RowProblem
from services.batches.addresses import CallbackCheck
from services.batches.estimate import Estimate, Range
from services.planning import Planned, Planner, plan_entry
from services.references import BlockedReference
from services.refusals import Unprocessable
from services.runtime import Runtime
from storage.batches.rows import Likeness, NewRow

_RUNNABLE: Final = "a model, an input and a routing with which at least one offer can run the row"
_FETCHABLE: Final = "a URL that begins with https:// (or http://), on a host that everybody can reach"
# Most rows of a sheet share these; a sheet where each has its own must not fill the memory.
_MOST_REMEMBERED: Final = 1024


class _Alike(NamedTuple):
    """What rows of the same plan, routing, tags and callback come to; ``range`` sums what they may cost."""

    planned: Planned
    likeness: Likeness
    range: Range


class RowPlanner:
    """Plans the rows of one sheet.

    ``plan`` answers the row as ``storage.batches.reading.write`` takes it, or all that keeps it from running.
    ``estimate`` sums what the rows planned so far may cost, on top of ``quotes`` (a batch's, from the rows
    read before); ``estimate.quotes()`` is what to keep with the batch. ``prices`` are the unit prices by
    which to plan (``storage.batches.queries.unit_prices``).
    """

    def __init__(
        self,
        runtime: Runtime,
        header: Header,
        *,
        prices: Mapping[tuple[str, str], Decimal],
        quotes: Mapping[str, Any] | None = None,
    ) -> None:
        self.estimate = Estimate(quotes or {})
        self._available = runtime.available
        self._planner = Planner(runtime)
        self._planner.know(prices)
        self._callbacks = CallbackCheck(runtime.private_hosts)
        self._names = {(column.place, column.key): column.name for column in columns(header)}
        self._alike: dict[tuple[Any, ...], _Alike] = {}

    def plan(self, row: RowRequest) -> NewRow | list[RowProblem]:
        """The row as a job that waits its turn, or what is wrong with it."""
        request = row.request
        url = request.callback_url
        blocked = None if url is None else self._callbacks.complaint(url)
        try:
            planned = self._planner.plan(request)
        except Unprocessable as error:
            problems = [self._problem(row, error)]
            return problems if blocked is None else [*problems, self._blocked(row, blocked)]
        if blocked is not None:
            return [self._blocked(row, blocked)]
        alike = self._alike_of(request, planned)
        first = planned.plan.choices[0]
        alike.range.add(first.low_nano, first.high_nano)
        return NewRow(row.row, row.row_id, request.input.model_dump_json(exclude_none=True), alike.likeness)

    def _alike_of(self, request: JobRequest, planned: Planned) -> _Alike:
        """What the row shares with others; the planner hands out the same plan again."""
        key = (
            id(planned),
            request.priority,
            request.callback_url,
            *request.routing.__dict__.values(),
            *request.tags.items(),
        )
        found = self._alike.get(key)
        if found is None:
            if len(self._alike) >= _MOST_REMEMBERED:
                self._alike.clear()
            # The plan is kept beside, so that no other one gets its id.
            range_ = self.estimate.range_of(request.model, planned.plan.choices[0])
            found = self._alike[key] = _Alike(planned, self._likeness(request, planned), range_)
        return found

    def _likeness(self, request: JobRequest, planned: Planned) -> Likeness:
        choices = planned.plan.choices
        first = choices[0]
        return Likeness(
            kind=planned.kind.value,
            model=request.model,
            routing=request.routing.model_dump_json(exclude_none=True),
            tags=to_json(request.tags).decode(),
            priority=request.priority.value,
            callback_url=request.callback_url,
            plan=to_json([plan_entry(choice) for choice in choices]).decode(),
            provider=first.offer.provider,
            endpoint=first.offer.endpoint,
            quoted_nano=first.high_nano,
            held_nano=max(choice.high_nano or 0 for choice in choices),
            sandbox=self._available[first.offer.provider].sandbox,
        )

    def _problem(self, row: RowRequest, error: Unprocessable) -> RowProblem:
        place, _, key = str(error.details.get("field", "")).rpartition(".")
        at = (Place.INPUT if place == "input" else Place.REQUEST, key)
        name = self._names.get(at)
        if isinstance(error, BlockedReference):
            code, should = ProblemCode.NOT_ALLOWED, _FETCHABLE
        else:
            code, should = ProblemCode.NO_OFFER, _RUNNABLE if name is None else expected(*at)
        return RowProblem(row.line, row.row, row.row_id, name, code, error.message, should)

    def _blocked(self, row: RowRequest, message: str) -> RowProblem:
        name = self._names.get((Place.REQUEST, "callback_url"))
        should = expected(Place.REQUEST, "callback_url")
        return RowProblem(row.line, row.row, row.row_id, name, ProblemCode.NOT_ALLOWED, message, should)
