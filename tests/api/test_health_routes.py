"""Alive and ready, over HTTP."""

import httpx

from api.schemas.health import Readiness
from services.runtime import Runtime
from storage.health import beat


def test_readiness_names_every_part(anyone: httpx.Client, runtime: Runtime) -> None:
    beat(runtime.database, "watcher", runtime.clock())
    answer = anyone.get("/readyz")
    found = answer.json()
    assert Readiness.model_validate(found).model_dump() == found
    assert (answer.status_code, found["status"], found["degraded"]) == (200, "ready", True)
    assert list(found["checks"]) == ["database", "redis", "object_store", "watcher"]
    assert [name for name, check in found["checks"].items() if check["ok"]] == [
        "database",
        "object_store",
        "watcher",
    ]
    assert "DARKROOM_REDIS_URL" in found["checks"]["redis"]["message"]


def test_what_requests_need_makes_it_unready(anyone: httpx.Client, runtime: Runtime) -> None:
    beat(runtime.database, "watcher", runtime.clock().replace(year=2020))
    answer = anyone.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert "python -m workers.watcher" in answer.json()["checks"]["watcher"]["message"]
