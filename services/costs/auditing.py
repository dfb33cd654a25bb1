"""Proving that the books of a project add up: every amount against those that it follows from."""

from typing import Any
from uuid import UUID

from domain.money import format_usd
from services.runtime import Runtime
from services.views import timestamp
from storage.costs import audit as checks
from storage.costs.audit import Checked


def audit(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """What every check found, as of one moment; nothing is changed."""
    at = runtime.clock()
    with runtime.database.work() as session:
        found = checks.run(session, project_id)
    return {
        "object": "audit",
        "adds_up": not any(one.wrong for one in found),
        "at": timestamp(at),
        "checks": [_view(one) for one in found],
    }


def _view(one: Checked) -> dict[str, Any]:
    return {
        "name": one.name,
        "rule": one.rule,
        "checked": one.checked,
        "wrong": one.wrong,
        "first": [
            {"id": each.id, "is": _amount(each.found), "should_be": _amount(each.expected)}
            for each in one.first
        ],
    }


def _amount(nano: int) -> dict[str, Any]:
    return {"nano_usd": nano, "usd": format_usd(nano)}
