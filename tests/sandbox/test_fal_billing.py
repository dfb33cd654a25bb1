"""fal's billing as the sandbox plays it: late, unpriced, discounted, in parts, corrected, or silent."""

from typing import Any

import pytest

from sandbox.testing import ADMIN_KEY, FAL_KEY, SandboxServer

FLUX = "fal-ai/flux/dev"
PATH = "/fal/platform/v1/models/billing-events"


def submit(server: SandboxServer, *scenarios: str) -> str:
    body = {"prompt": " ".join(f"[sandbox:{one}]" for one in scenarios)}
    return str(server.client.post(f"/fal/queue/{FLUX}", json=body, headers=FAL_KEY).json()["request_id"])


def events(server: SandboxServer, request_id: str) -> list[dict[str, Any]]:
    asked = {"request_id": request_id}
    found: list[dict[str, Any]] = server.client.get(PATH, params=asked, headers=ADMIN_KEY).json()[
        "billing_events"
    ]
    return found


def test_a_late_event_comes_when_it_was_said(server: SandboxServer) -> None:
    request_id = submit(server, "billing_late=300")
    server.advance(200)
    assert events(server, request_id) == []
    server.advance(102)
    assert [one["cost_total"] for one in events(server, request_id)] == [0.025]


def test_a_price_that_is_still_to_come_comes(server: SandboxServer) -> None:
    request_id = submit(server, "billing_unpriced=300")
    server.advance(10)
    [one] = events(server, request_id)
    assert (one["output_units"], one["cost_total"]) == (None, 0)
    server.advance(300)
    [one] = events(server, request_id)
    assert (one["output_units"], one["cost_total"]) == (1, 0.025)


def test_a_discount_is_taken_off_the_invoice_too(server: SandboxServer) -> None:
    request_id = submit(server, "billing_discount=20")
    server.advance(10)
    [one] = events(server, request_id)
    shown = (one["percent_discount"], one["cost_subtotal"], one["cost_discount"], one["cost_total"])
    assert shown == (20, 0.025, 0.005, 0.02)
    assert server.invoice()[request_id]["nano_usd"] == 20_000_000 == one["cost_estimate_nano_usd"]
    usage = server.client.get(
        "/fal/platform/v1/models/usage", headers=ADMIN_KEY, params={"expand": "summary"}
    )
    [line] = usage.json()["summary"]
    assert (line["cost_subtotal"], line["cost_discount"], line["cost"]) == (0.025, 0.005, 0.02)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_parts_come_to_the_whole(server: SandboxServer, parts: int) -> None:
    request_id = submit(server, f"billing_split={parts}")
    server.advance(10)
    found = events(server, request_id)
    assert len(found) == parts
    assert sum(one["cost_estimate_nano_usd"] for one in found) == server.invoice()[request_id]["nano_usd"]


def test_a_correction_is_an_event_of_its_own(server: SandboxServer) -> None:
    request_id = submit(server, "billing_corrected=300")
    server.advance(10)
    assert len(events(server, request_id)) == 1
    server.advance(300)
    nanos = sorted(one["cost_estimate_nano_usd"] for one in events(server, request_id))
    assert nanos == [12_500_000, 25_000_000]
    assert server.invoice()[request_id]["nano_usd"] == 37_500_000


def test_what_is_never_told_is_charged_all_the_same(server: SandboxServer) -> None:
    request_id = submit(server, "billing_never")
    server.advance(10_000)
    assert events(server, request_id) == []
    assert server.invoice()[request_id]["nano_usd"] == 25_000_000


@pytest.mark.parametrize(
    ("trouble", "status", "kind"),
    [("rate_limited=9", 429, "rate_limited"), ("http_503", 503, "server_error")],
)
def test_the_list_can_be_in_trouble_for_a_call(
    server: SandboxServer, trouble: str, status: int, kind: str
) -> None:
    server.plan("fal", trouble, on="billing")
    refused = server.client.get(PATH, headers=ADMIN_KEY)
    assert (refused.status_code, refused.json()["error"]["type"]) == (status, kind)
    assert refused.headers.get("retry-after") == ("9" if status == 429 else None)
    assert server.client.get(PATH, headers=ADMIN_KEY).status_code == 200
