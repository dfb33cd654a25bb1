"""Accepting a job: one commit writes the job, its place on the agenda, its reserve and its answer.

Asynchronous throughout, as hearing of webhooks is: with a thread and a session of the ORM for each request it
took twenty times the CPU (``bench/accept.py`` measures it).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic_core import to_json

from domain.budgets import BudgetExceeded
from domain.generation import JobRequest
from domain.routing import divided
from outbound.guard import BlockedAddress, check_url
from services.planning import Planner, plan_entry, quoted_text
from services.prices.knowing import known_of
from services.refusals import Conflict, Refused, Unprocessable
from services.runtime import Runtime
from services.spending import refused
from services.views import job_view
from storage.entrance import Entrance
from storage.intake import Answer, NewJob
from storage.records.columns import new_id

# So old may be what is known of prices and times when a job is planned.
_PRICES_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The answer to an accepted request as JSON text; ``replayed`` when it was given before."""

    job_id: UUID
    answer: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What makes a request repeatable: its ``Idempotency-Key``, and a fingerprint of what it asked for."""

    key: str
    fingerprint: str


class Reception:
    """Takes jobs in. One for a process: it holds what requests share, which makes each of them cheap."""

    def __init__(
        self, runtime: Runtime, entrance: Entrance, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runtime = runtime
        self._entrance = entrance
        self._clock = clock
        self._planner = Planner(runtime)
        self._prices_until = -1.0

    async def accept(
        self, *, project_id: UUID, request: JobRequest, repeatable: Repeatable | None
    ) -> Acceptance:
        """Take a job in: after this returns it will run, whatever happens to Redis or to this process.

        Raises:
            Unprocessable: the request is wrong, or its key was used for another request.
            OverBudget: a budget does not cover what the job may cost; its key can be used again.
            Conflict: the answer to another request with the same key cannot be told just now.
            DatabaseUnavailable: the database does not answer.
        """
        try:
            job = await self._job(project_id, request)
        except Refused:
            # What was accepted once stays accepted, whatever has changed since.
            first = None if repeatable is None else await self._first(project_id, repeatable)
            if first is None:
                raise
            return first
        text = to_json(job_view(job, [], [], now=job.created_at)).decode()
        answer = None if repeatable is None else Answer(repeatable.key, repeatable.fingerprint, text)
        if await self._taken(job, answer):
            return Acceptance(job.id, text)
        first = None if repeatable is None else await self._first(project_id, repeatable)
        if first is None:
            raise Conflict(
                "a request with this Idempotency-Key is being answered just now; ask again in a moment",
                code="idempotency_in_progress",
            )
        return first

    async def _taken(self, job: NewJob, answer: Answer | None) -> bool:
        try:
            return await self._entrance.take(job, answer)
        except BudgetExceeded as error:
            # Only the first refusal in a period asks the database, to be told as an event.
            if not error.exceeded.standing.is_to_be_told:
                raise refused(self._runtime, error.exceeded) from None
            raise await asyncio.to_thread(refused, self._runtime, error.exceeded) from None

    async def _job(self, project_id: UUID, request: JobRequest) -> NewJob:
        if request.callback_url is not None:
            # It looks the name up.
            await asyncio.to_thread(_check_callback, self._runtime, request.callback_url)
        if self._clock() >= self._prices_until:
            self._planner.know(known_of(self._runtime, await self._entrance.knowledge()))
            self._prices_until = self._clock() + _PRICES_SECONDS
        return self._planned(project_id, request)

    def _planned(self, project_id: UUID, request: JobRequest) -> NewJob:
        given = request.input.model_dump(mode="json", exclude_none=True)
        routing = request.routing.model_dump(mode="json", exclude_none=True)
        id_ = new_id()
        planned = self._planner.plan(request)
        at = self._runtime.clock()
        split = request.routing.split
        plan = planned.plan if split is None else divided(planned.plan, request.routing, str(id_))
        choices = plan.choices
        first, deadline = choices[0], request.routing.deadline
        return NewJob(
            id=id_,
            project_id=project_id,
            kind=planned.kind,
            model=request.model,
            input=given,
            routing=routing,
            tags=request.tags,
            priority=request.priority,
            callback_url=request.callback_url,
            plan=[plan_entry(choice) for choice in choices],
            provider=first.offer.provider,
            endpoint=first.offer.endpoint,
            quoted_nano=first.high_nano,
            reserved_nano=max(choice.high_nano or 0 for choice in choices),
            sandbox=self._runtime.available[first.offer.provider].sandbox,
            deadline_at=None if deadline is None else at + timedelta(seconds=deadline),
            created_at=at,
            said={"provider": first.offer.provider, "quoted": quoted_text(first)},
        )

    async def _first(self, project_id: UUID, repeatable: Repeatable) -> Acceptance | None:
        """The answer that was given under the key; raises Unprocessable where that was to another request."""
        found = await self._entrance.answered(project_id, repeatable.key)
        if found is None:
            return None
        job_id, answer = found
        if answer.fingerprint != repeatable.fingerprint:
            raise Unprocessable(
                "this Idempotency-Key was used for another request; use a new key for a new request",
                code="idempotency_mismatch",
            )
        return Acceptance(job_id, answer.text, replayed=True)


def _check_callback(runtime: Runtime, url: str) -> None:
    try:
        check_url(url, runtime.private_hosts)
    except BlockedAddress as error:
        raise Unprocessable(f"callback_url: {error}", field="callback_url") from error
