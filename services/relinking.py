"""Fresh links to files whose links have run out, by asking the provider about the same request again."""

import asyncio
from typing import Any, Final
from uuid import UUID

import structlog

from outbound.direct import DirectWire
from outbound.wire import Reply, Request
from providers.base import Finished, LookFailed
from services.looking import handle_of
from services.outputs import outputs_of
from services.runtime import Runtime
from storage import jobs

# Refused, or not there (any more): what a signed link answers once its time is over.
STALE: Final = frozenset({401, 403, 404, 410})

log = structlog.get_logger(__name__)


class _OneByOne:
    """The watcher's kind of wire for a single look from a worker, which has nothing else to do meanwhile."""

    def __init__(self) -> None:
        self._wire = DirectWire()

    async def call(self, request: Request, *, timeout: float) -> Reply:  # noqa: ASYNC109 - the wire's own
        return self._wire.call(request, timeout=timeout)


def fresh_outputs(runtime: Runtime, attempt_id: UUID) -> list[dict[str, Any]] | None:
    """The outputs as the provider names them now; None when it does not, or names others than before."""
    with runtime.database.work() as session:
        job, attempt = jobs.lock_attempt(session, attempt_id)
    provider = runtime.providers.get(attempt.provider)
    if provider is None:
        return None
    try:
        seen = asyncio.run(provider.look(handle_of(job, attempt), _OneByOne()))
    except LookFailed as error:
        log.info("links_not_renewed", job_id=str(job.id), reason=str(error))
        return None
    if not isinstance(seen, Finished) or len(seen.outputs) != len(attempt.outputs or []):
        return None
    return outputs_of(seen)
