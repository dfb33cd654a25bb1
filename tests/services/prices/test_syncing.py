"""Reading the providers' price lists anew, against the sandbox's platform."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from providers.fal import FalProvider
from sandbox.testing import SandboxServer
from services.offering import offering
from services.prices.syncing import sync
from services.runtime import Runtime
from tests.support.engine import Engine

FLUX = "fal-ai/flux/dev"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def here(engine: Engine, sandbox: SandboxServer) -> Runtime:
    """The engine's parts with a fal provider that asks the sandbox."""
    base = f"{sandbox.url}/fal"
    fal = FalProvider("sandbox", f"{base}/queue", f"{base}/platform/v1", clock=engine.clock)
    return replace(engine.runtime, providers={**engine.runtime.providers, "fal": fal})


def by_endpoint(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["endpoint"]: one for one in found["prices"]}


def set_price(sandbox: SandboxServer, usd: str) -> None:
    sandbox.client.patch("/control/settings", json={"fal_prices": {FLUX: usd}})


def flux_prices(here: Runtime) -> list[tuple[str, bool]]:
    """What the catalogue shows of its provider's own prices: each with whether it still holds."""
    models = {model["id"]: model for model in offering(here)["data"]}
    return [(one["usd"], one["until"] is None) for one in models["flux-dev"]["offers"][0]["provider_prices"]]


def test_every_price_of_the_catalogue_is_read_at_once(here: Runtime) -> None:
    found = sync(here)
    assert (found["dry_run"], found["failed"]) == (False, [])
    rows = by_endpoint(found)
    assert rows[FLUX] == {
        "provider": "fal",
        "endpoint": FLUX,
        "change": "new",
        "before": None,
        "catalogue_usd": "0.025",
        "now": {"usd": "0.025", "unit": "megapixels"},
        "percent": None,
    }
    assert rows["fal-ai/kling-video/v3/standard/image-to-video"]["now"]["usd"] == "0.084"
    assert rows["test/film"]["change"] == "not_named"
    assert found["changed"] == sum(one["change"] == "new" for one in found["prices"])
    assert sync(here)["changed"] == 0


def test_a_price_that_has_changed_is_shown_with_its_difference_and_keeps_its_history(
    here: Runtime, sandbox: SandboxServer, engine: Engine
) -> None:
    sync(here)
    set_price(sandbox, "0.03")
    engine.clock.advance(60)
    planned = by_endpoint(sync(here, dry_run=True))[FLUX]
    assert (planned["change"], planned["percent"]) == ("changed", "+20.0")
    assert flux_prices(here) == [("0.025", True)]
    changed = by_endpoint(sync(here))[FLUX]
    assert changed["before"] == {"usd": "0.025", "unit": "megapixels", "since": "2026-11-22T12:00:00.000Z"}
    assert changed["now"]["usd"] == "0.03"
    assert flux_prices(here) == [("0.03", True), ("0.025", False)]
    set_price(sandbox, "0.0225")
    assert by_endpoint(sync(here, dry_run=True))[FLUX]["percent"] == "-25.0"


def test_a_list_that_cannot_be_read_is_told_and_changes_nothing(here: Runtime) -> None:
    sync(here)
    away = FalProvider("sandbox", "http://127.0.0.1:1", "http://127.0.0.1:1/v1")
    found = sync(replace(here, providers={"fal": away}))
    assert found["prices"] == []
    assert [one["provider"] for one in found["failed"]] == ["fal"]
    assert "could not be read" in found["failed"][0]["message"]
    assert flux_prices(here) == [("0.025", True)]
