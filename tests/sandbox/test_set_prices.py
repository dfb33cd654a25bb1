"""Prices that are set on the sandbox: what it then charges, and what its price list says."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.testing import ADMIN_KEY, FAL_KEY, LINKMODEL_KEY, SandboxServer

KLING = "fal-ai/kling-video/v3/standard/text-to-video"
NOBODYS = "fal-ai/gpt-image-2"


def set_prices(server: SandboxServer, **prices: object) -> None:
    server.client.patch("/control/settings", json=prices).raise_for_status()


def made(
    server: SandboxServer, endpoint: str, prompt: str = "a kite", **arguments: object
) -> tuple[Any, int]:
    """A request that has ended: its units, and what it is charged."""
    body = {"prompt": prompt, **arguments}
    accepted = server.client.post(f"/fal/queue/{endpoint}", json=body, headers=FAL_KEY).json()
    server.advance(30)
    result = server.client.get(accepted["response_url"], headers=FAL_KEY)
    nano = server.invoice()[accepted["request_id"]]["nano_usd"]
    return result.headers.get("X-Fal-Billable-Units"), int(nano)


@pytest.mark.parametrize(
    ("units", "header", "nano"), [("8", "8", 80_000_000), ("0.5", "0.50000000", 5_000_000)]
)
def test_a_prompt_says_how_many_units_are_billed(
    server: SandboxServer, units: str, header: str, nano: int
) -> None:
    set_prices(server, fal_prices={KLING: "0.01"})
    assert made(server, KLING, f"a kite [sandbox:units={units}]", duration="5") == (header, nano)


def test_an_endpoint_that_the_table_lacks_is_a_shared_model_once_it_has_a_price(
    server: SandboxServer,
) -> None:
    before, charged = made(server, NOBODYS)
    assert (before, charged > 0) == (None, True)
    prices = {"endpoint_id": NOBODYS}
    listed = "/fal/platform/v1/models/pricing"
    assert server.client.get(listed, params=prices, headers=ADMIN_KEY).status_code == 404
    set_prices(server, fal_prices={NOBODYS: "0.94", "acme/video": "0.02"})
    assert made(server, NOBODYS) == ("1", 940_000_000)
    units, nano = made(server, "acme/video", duration="5")
    assert Decimal(units) * 20_000_000 == nano
    [price] = server.client.get(listed, params=prices, headers=ADMIN_KEY).json()["prices"]
    assert (price["unit"], Decimal(str(price["unit_price"]))) == ("images", Decimal("0.94"))


def test_linkmodel_takes_the_price_that_is_set_for_a_task_of_a_model(server: SandboxServer) -> None:
    set_prices(server, linkmodel_prices={"kling-v3": "0.061"})
    body = {"model": "kling-v3", "prompt": "a kite", "duration": 10}
    answer = server.client.post("/linkmodel/api/v1/video-generation", json=body, headers=LINKMODEL_KEY).json()
    assert Decimal(str(answer["data"]["price"])) == Decimal("0.061")
    assert server.invoice()[answer["data"]["task_id"]]["nano_usd"] == 61_000_000
