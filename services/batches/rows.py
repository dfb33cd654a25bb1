"""From what a row asks for to a job as it is written down: planned, priced, its JSON as text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic_core import to_json

from domain.generation import Routing
from domain.sheets.columns import Place, columns, expected
from domain.sheets.header import Header
from domain.sheets.interpreting import RowRequest
from domain.sheets.problems import ProblemCode, RowProblem
from services.batches.addresses import CallbackCheck
from services.batches.estimate import Estimate
from services.planning import Planned, Planner, plan_entry
from services.refusals import Unprocessable
from services.runtime import Runtime
from storage.batches.reading import NewRow
from storage.records.columns import new_id

_RUNNABLE: Final = "a model, an input and a routing with which at least one offer can run the row"
# Most rows of a sheet share these; a sheet where each has its own must not fill the memory.
_MOST_REMEMBERED: Final = 1024


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
        self._routings: dict[tuple[Any, ...], tuple[dict[str, Any], str]] = {}
        self._tags: dict[tuple[tuple[str, str], ...], str] = {}
        self._plans: dict[int, tuple[Planned, str, int]] = {}

    def plan(self, row: RowRequest) -> NewRow | list[RowProblem]:
        """The row as a job that waits its turn, or what is wrong with it."""
        request = row.request
        url = request.callback_url
        blocked = None if url is None else self._callbacks.complaint(url)
        given = request.input.model_dump(mode="json", exclude_none=True)
        routing, routing_text = self._routing(request.routing)
        try:
            planned = self._planner.plan(request, given, routing)
        except Unprocessable as error:
            problems = [self._problem(row, str(error.details.get("field", "")), error.message)]
            return problems if blocked is None else [*problems, self._blocked(row, blocked)]
        if blocked is not None:
            return [self._blocked(row, blocked)]
        plan_text, held_nano = self._plan(planned)
        first = planned.plan.choices[0]
        self.estimate.add(request.model, first)
        return NewRow(
            job_id=new_id(),
            number=row.row,
            row_id=row.row_id,
            kind=planned.kind.value,
            model=request.model,
            input=to_json(given).decode(),
            routing=routing_text,
            tags=self._tag_text(request.tags),
            priority=request.priority.value,
            callback_url=url,
            plan=plan_text,
            provider=first.offer.provider,
            endpoint=first.offer.endpoint,
            quoted_nano=first.high_nano,
            held_nano=held_nano,
            sandbox=self._available[first.offer.provider].sandbox,
        )

    def _routing(self, routing: Routing) -> tuple[dict[str, Any], str]:
        key = tuple(routing.__dict__.values())
        found = self._routings.get(key)
        if found is None:
            plain = routing.model_dump(mode="json", exclude_none=True)
            found = _remember(self._routings, key, (plain, to_json(plain).decode()))
        return found

    def _tag_text(self, tags: Mapping[str, str]) -> str:
        key = tuple(tags.items())
        return self._tags.get(key) or _remember(self._tags, key, to_json(tags).decode())

    def _plan(self, planned: Planned) -> tuple[str, int]:
        """A plan's choices as text, and what to hold for it; the planner hands out the same plan again."""
        found = self._plans.get(id(planned))
        if found is None:
            choices = planned.plan.choices
            text = to_json([plan_entry(choice) for choice in choices]).decode()
            held = max(choice.high_nano or 0 for choice in choices)
            # The plan is kept beside, so that no other one gets its id.
            found = _remember(self._plans, id(planned), (planned, text, held))
        return found[1:]

    def _problem(self, row: RowRequest, field: str, message: str) -> RowProblem:
        place, _, key = field.rpartition(".")
        at = (Place.INPUT if place == "input" else Place.REQUEST, key)
        name = self._names.get(at)
        should = _RUNNABLE if name is None else expected(*at)
        return RowProblem(row.line, row.row, row.row_id, name, ProblemCode.NO_OFFER, message, should)

    def _blocked(self, row: RowRequest, message: str) -> RowProblem:
        name = self._names.get((Place.REQUEST, "callback_url"))
        should = expected(Place.REQUEST, "callback_url")
        return RowProblem(row.line, row.row, row.row_id, name, ProblemCode.NOT_ALLOWED, message, should)


def _remember(found: dict[Any, Any], key: Any, value: Any) -> Any:  # noqa: ANN401 - whatever is remembered
    if len(found) >= _MOST_REMEMBERED:
        found.clear()
    found[key] = value
    return value
