"""What there is when all has come to rest: our rows, the providers' books, the bucket, the receiver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SETTLED: Final = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``jobs``."""

    id: str
    tag: str
    status: str
    error: str | None = None
    callback_url: str | None = None
    reserved_nano: int = 0
    cost_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of ``attempts``; ``exact`` when its cost is by the provider's own word."""

    id: str
    job_id: str
    number: int
    provider: str
    status: str
    token: str = ""
    request_id: str | None = None
    cost_nano: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger."""

    job_id: str
    attempt_id: str | None
    kind: str
    nano: int


@dataclass(frozen=True, slots=True)
class Asset:
    """A row of ``assets``, and what the bucket holds under its key (None: nothing)."""

    job_id: str
    key: str
    bytes: int
    sha256: str
    stored: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Submit:
    """A request that a provider has accepted, and its line on the invoice."""

    request_id: str
    provider: str
    tag: str
    nano: int = 0
    charged: bool = False
    final: bool = True
    made: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What the journal knows of one attempt's POST.

    ``answer`` is ``accepted``, ``refused`` or ``unknown``, None where the process did not live to see it;
    ``died`` when its process is dead, and something was killed so soon after it that it may not be committed.
    """

    token: str
    answer: str | None = None
    died: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the audit looks at."""

    asked: Sequence[str]
    acknowledged: Mapping[str, str]
    jobs: Sequence[Job]
    attempts: Sequence[Attempt] = ()
    ledger: Sequence[Entry] = ()
    assets: Sequence[Asset] = ()
    agenda: Sequence[str] = ()
    submits: Sequence[Submit] = ()
    posts: int = 0
    sent: Sequence[Sent] = ()
    # Verified callbacks by tag, each the type of its event.
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unsigned: Sequence[str] = ()
    # What Darkroom's own audit says of each of its rules: how much was checked, and how much is wrong.
    books: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    # What was really broken, and how often.
    broken: Mapping[str, int] = field(default_factory=dict)
    wanted: Sequence[str] = ()
