"""Submitting jobs: the intent is committed, exactly one POST goes out, and what came of it is committed."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services import intents, sending
from services.runtime import Runtime

# As many POSTs of one task are on the wire at a time: what is committed must not wait for its turn.
_TOGETHER: Final = 16


def submit(runtime: Runtime, job_ids: Sequence[UUID], *, owner: str) -> None:
    """Carry queued jobs to their providers; does nothing for a job that is no longer queued.

    Safe to run twice: only one caller can move a job out of ``queued``, and only that one sends.
    """
    for start in range(0, len(job_ids), _TOGETHER):
        begun = intents.begin(runtime, job_ids[start : start + _TOGETHER], owner=owner)
        if begun:
            sending.send(runtime, begun, owner=owner)
