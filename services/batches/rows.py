"""From what a row asks for to a job as it is written down: planned, priced, its JSON as text."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from domain.generation import JobRequest
from domain.lifecycle import Kind
from domain.quoting import Known
from domain.routing import Plan, divided
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
from storage.records.columns import new_id_text

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
    read before); ``estimate.quotes()`` is what to keep with the batch. ``known`` is what to plan by.
    """

    def __init__(
        self,
        runtime: Runtime,
        header: Header,
        *,
        known: Known,
        quotes: Mapping[str, Any] | None = None,
    ) -> None:
        self.estimate = Estimate(quotes or {})
        self._available = runtime.available
        self._planner = Planner(runtime)
        self._planner.know(known)
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
        job_id = new_id_text()
        plan = planned.plan
        if request.routing.split is not None:
            plan = divided(plan, request.routing, job_id)
        alike = self._alike_of(request, planned, plan)
        alike.range.add(plan.choices[0].low_nano, plan.choices[0].high_nano)
        given = request.input.model_dump_json(exclude_none=True)
        return NewRow(job_id, row.row, row.row_id, given, alike.likeness)

    def _alike_of(self, request: JobRequest, planned: Planned, plan: Plan) -> _Alike:
        """What the row shares with others; the planner hands out the same plan again."""
        key = (
            id(planned),
            id(plan.choices[0]),
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
            range_ = self.estimate.range_of(request.model, plan.choices[0])
            found = self._alike[key] = _Alike(planned, self._likeness(request, planned.kind, plan), range_)
        return found

    def _likeness(self, request: JobRequest, kind: Kind, plan: Plan) -> Likeness:
        choices = plan.choices
        first = choices[0]
        return Likeness(
            kind=kind.value,
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
