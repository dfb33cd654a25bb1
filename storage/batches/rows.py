"""Rows of a batch as PostgreSQL's COPY takes them, in its text format ("COPY", file formats, text format).

The text is made here and not by the driver, value by value: nearly all of a row is as in the row before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

JOBS: Final = (
    "COPY jobs (id, row_number, row_id, input, kind, model, routing, tags, priority, callback_url, plan, "
    "provider, endpoint, quoted_nano, sandbox, project_id, batch_id, created_at, status, plan_at, attempts, "
    "reserved_nano, cost_final) FROM STDIN"
)
WAITS: Final = (
    "COPY batch_waits (job_id, row_number, batch_id, kind, provider, endpoint, held_nano) FROM STDIN"
)
_NEW_JOB: Final = ("queued", 0, 0, 0, False)

_Value = str | int | UUID | datetime | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """What many rows have in common: all of a job but its input. See ``JobRecord``; its JSON is text.

    ``held_nano`` is what each of their jobs will reserve.
    """

    kind: str
    model: str
    routing: str
    tags: str
    priority: str
    callback_url: str | None
    plan: str
    provider: str
    endpoint: str
    quoted_nano: int | None
    held_nano: int
    sandbox: bool


class NewRow(NamedTuple):
    """A good row as it is written down: its number from 0 on, its own name, and its input as JSON text.

    ``job_id`` is new, and as text (``storage.records.columns.new_id_text``).
    """

    job_id: str
    number: int
    row_id: str | None
    input: str
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Copied:
    """The lines of ``JOBS`` and of ``WAITS`` for the same rows."""

    jobs: str
    waits: str


def copied(rows: Sequence[NewRow], *, project_id: UUID, batch_id: UUID, at: datetime) -> Copied:
    """The rows as jobs that wait since ``at``."""
    tails: dict[int, tuple[str, str]] = {}
    jobs, waits = list[str](), list[str]()
    for job_id, number, row_id, given, likeness in rows:
        tail = tails.get(id(likeness))
        if tail is None:
            tail = tails[id(likeness)] = (
                _job_tail(likeness, (project_id, batch_id, at)),
                _wait_tail(likeness, batch_id),
            )
        jobs.append(f"{job_id}\t{number}\t{_text(row_id)}\t{_text(given)}\t{tail[0]}")
        waits.append(f"{job_id}\t{number}\t{tail[1]}")
    return Copied("".join(jobs), "".join(waits))


def _job_tail(like: Likeness, of_batch: Sequence[_Value]) -> str:
    return _line(
        like.kind,
        like.model,
        like.routing,
        like.tags,
        like.priority,
        like.callback_url,
        like.plan,
        like.provider,
        like.endpoint,
        like.quoted_nano,
        like.sandbox,
        *of_batch,
        *_NEW_JOB,
    )


def _wait_tail(like: Likeness, batch_id: UUID) -> str:
    return _line(batch_id, like.kind, like.provider, like.endpoint, like.held_nano)


def _line(*values: _Value) -> str:
    cells = (_text(value if value is None else str(value)) for value in values)
    return "\t".join(cells) + "\n"


def _text(value: str | None) -> str:
    if value is None:
        return r"\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
