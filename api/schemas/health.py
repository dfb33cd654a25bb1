"""Whether the service is alive and ready, as answered."""

from typing import Literal

from api.schemas.base import Shown


class Alive(Shown):
    """The process answers."""

    status: Literal["ok"]


class Check(Shown):
    """One part: `message` says what is wrong and what to do."""

    ok: bool
    message: str | None


class Checks(Shown):
    """Every part that jobs need."""

    database: Check
    redis: Check
    object_store: Check
    watcher: Check


class Readiness(Shown):
    """Whether requests can be served; `degraded` when something is missing all the same."""

    status: Literal["ready", "not_ready"]
    degraded: bool
    checks: Checks
