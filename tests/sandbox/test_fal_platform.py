"""fal's Platform API: prices, billing, request lists, erasure, and who may ask."""

from typing import Any

import httpx
import pytest

from sandbox.testing import ADMIN_KEY, FAL_KEY, SandboxServer

JsonObject = dict[str, Any]
FLUX = "fal-ai/flux/dev"


def submit(
    server: SandboxServer, endpoint: str = FLUX, prompt: str = "a kite", **arguments: object
) -> JsonObject:
    body = {"prompt": prompt, **arguments}
    response = server.client.post(f"/fal/queue/{endpoint}", json=body, headers=FAL_KEY)
    accepted: JsonObject = response.json()
    return accepted


def ask(server: SandboxServer, path: str, **params: Any) -> httpx.Response:  # noqa: ANN401 - query values
    return server.client.get(f"/fal/platform/v1{path}", params=params, headers=ADMIN_KEY)


@pytest.mark.parametrize(
    "ids", [["fal-ai/flux/dev,fal-ai/fast-sdxl"], ["fal-ai/flux/dev", "fal-ai/fast-sdxl"]]
)
def test_prices_are_listed_for_ids_in_either_form(server: SandboxServer, ids: list[str]) -> None:
    body = ask(server, "/models/pricing", endpoint_id=[*ids, "me/mine"]).json()
    assert body["prices"][0] == {
        "endpoint_id": FLUX,
        "unit_price": 0.025,
        "unit": "megapixels",
        "currency": "USD",
    }
    assert [price["endpoint_id"] for price in body["prices"]] == [FLUX, "fal-ai/fast-sdxl"]


@pytest.mark.parametrize(
    ("params", "status", "kind"),
    [
        ({}, 400, "validation_error"),
        ({"endpoint_id": "me/mine"}, 404, "not_found"),
        ({"endpoint_id": ",".join(["a/b"] * 51)}, 400, "validation_error"),
    ],
)
def test_prices_that_cannot_be_told(server: SandboxServer, params: Any, status: int, kind: str) -> None:  # noqa: ANN401 - query values
    response = ask(server, "/models/pricing", **params)
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)


def test_a_price_that_changes_holds_for_what_is_submitted_from_then_on(server: SandboxServer) -> None:
    before = submit(server)["request_id"]
    server.client.patch("/control/settings", json={"fal_prices": {FLUX: "0.05"}})
    after = submit(server)["request_id"]
    [price] = ask(server, "/models/pricing", endpoint_id=FLUX).json()["prices"]
    assert price["unit_price"] == 0.05
    assert estimate(
        server, {"estimate_type": "unit_price", "endpoints": {FLUX: {"unit_quantity": 2}}}
    ).json()["total_cost"] == pytest.approx(0.1)
    server.advance(60)
    events = ask(server, "/models/billing-events", request_id=[before, after]).json()["billing_events"]
    assert {one["request_id"]: one["unit_price"] for one in events} == {before: 0.025, after: 0.05}


def estimate(server: SandboxServer, body: JsonObject) -> httpx.Response:
    return server.client.post("/fal/platform/v1/models/pricing/estimate", json=body, headers=FAL_KEY)


def test_an_estimate_is_units_times_price(server: SandboxServer) -> None:
    wanted = {FLUX: {"unit_quantity": 1.5}, "fal-ai/flux/schnell": {"unit_quantity": 2}}
    body = estimate(server, {"estimate_type": "unit_price", "endpoints": wanted}).json()
    assert body == {"estimate_type": "unit_price", "total_cost": 0.0435, "currency": "USD"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"estimate_type": "guess", "endpoints": {}}, 400),
        ({"estimate_type": "unit_price", "endpoints": []}, 400),
        ({"estimate_type": "unit_price", "endpoints": {FLUX: {"unit_quantity": 0}}}, 400),
        ({"estimate_type": "historical_api_price", "endpoints": {FLUX: 3}}, 400),
        ({"estimate_type": "unit_price", "endpoints": {"me/mine": {"unit_quantity": 1}}}, 404),
    ],
)
def test_estimates_that_cannot_be_made(server: SandboxServer, body: JsonObject, status: int) -> None:
    assert estimate(server, body).status_code == status


@pytest.mark.parametrize(
    "path",
    ["/models/billing-events", "/models/usage", "/account/billing", "/models/requests/x/payloads"],
)
def test_money_wants_an_admin_key(server: SandboxServer, path: str) -> None:
    method = "DELETE" if path.endswith("payloads") else "GET"
    url = f"/fal/platform/v1{path}"
    denied = server.client.request(method, url, headers=FAL_KEY)
    assert (denied.status_code, denied.json()["error"]["type"]) == (403, "authorization_error")
    assert server.client.request(method, url, headers={"Authorization": "Key real"}).status_code == 401


def test_billing_events_lag_and_then_agree_with_the_invoice(server: SandboxServer) -> None:
    done = submit(server, "fal-ai/kling-video/v3/standard/text-to-video", duration="5")["request_id"]
    server.advance(3.5)
    assert ask(server, "/models/billing-events", request_id=done).json()["billing_events"] == []
    server.advance(1)
    (event,) = ask(server, "/models/billing-events", request_id=[done, "other"]).json()["billing_events"]
    assert (event["output_units"], event["unit_price"], event["cost_total"]) == (7.5, 0.084, 0.63)
    assert event["cost_estimate_nano_usd"] == 630_000_000 == server.invoice()[done]["nano_usd"]


def test_an_event_may_not_be_priced_yet(server: SandboxServer) -> None:
    submit(server, prompt="[sandbox:billing_unpriced]")
    server.advance(10)
    (event,) = ask(server, "/models/billing-events").json()["billing_events"]
    assert (event["output_units"], event["unit_price"], event["cost_estimate_nano_usd"]) == (None, None, 0)


def test_events_come_in_pages_of_a_span_of_time(server: SandboxServer) -> None:
    for endpoint in (FLUX, FLUX, "fal-ai/flux/schnell"):
        submit(server, endpoint)
    server.advance(10)
    first = ask(server, "/models/billing-events", endpoint_id=FLUX, limit=1).json()
    second = ask(
        server, "/models/billing-events", endpoint_id=FLUX, limit=1, cursor=first["next_cursor"]
    ).json()
    ids = {page["billing_events"][0]["request_id"] for page in (first, second)}
    assert (len(ids), first["has_more"], second["has_more"], second["next_cursor"]) == (2, True, False, None)
    assert ask(server, "/models/billing-events", end="2020-01-01").json()["billing_events"] == []
    server.advance(86_400)
    assert ask(server, "/models/billing-events").json()["billing_events"] == []


@pytest.mark.parametrize("params", [{"limit": "x"}, {"limit": 0}, {"cursor": "!"}, {"start": "yesterday"}])
def test_filters_that_make_no_sense_are_refused(server: SandboxServer, params: Any) -> None:  # noqa: ANN401 - query values
    assert ask(server, "/models/billing-events", **params).status_code == 400


def test_usage_sums_up_per_endpoint(server: SandboxServer) -> None:
    for _ in range(2):
        submit(server, image_size="square_hd")
    server.advance(10)
    body = ask(server, "/models/usage", expand="summary,time_series").json()
    assert body["summary"] == body["time_series"][0]["results"]
    assert (body["summary"][0]["quantity"], body["summary"][0]["cost_total"]) == (2, 0.05)
    assert "summary" not in ask(server, "/models/usage").json()


def test_requests_are_listed_with_the_input_that_identifies_them(server: SandboxServer) -> None:
    queued = submit(server, prompt="[sandbox:stuck]")["request_id"]
    done = submit(server, prompt="marker 4711")["request_id"]
    failed = submit(server, prompt="[sandbox:fail]")["request_id"]
    moderated = submit(server, prompt="[sandbox:moderation]")["request_id"]
    server.advance(10)
    running = submit(server)["request_id"]
    path = "/models/requests/by-endpoint"
    rows = {
        row["request_id"]: row
        for row in ask(server, path, endpoint_id=FLUX, expand="payloads").json()["items"]
    }
    assert rows.keys() == {done, failed, moderated, running}
    assert queued not in rows
    assert rows[done]["json_input"] == {"prompt": "marker 4711"}
    assert rows[done]["json_output"]["images"]
    assert (rows[done]["status_code"], rows[done]["duration"]) == (200, 1.2)
    assert (rows[running]["status_code"], rows[running]["ended_at"]) == (None, None)
    for status, expected in (("success", done), ("error", failed), ("user_error", moderated)):
        (row,) = ask(server, path, endpoint_id=FLUX, status=status).json()["items"]
        assert row["request_id"] == expected
        assert "json_input" not in row
    (row,) = ask(server, path, endpoint_id=FLUX, request_id=done).json()["items"]
    assert row["request_id"] == done
    assert ask(server, path).status_code == 400


def test_erasing_removes_payloads_and_files_and_keeps_the_amount(server: SandboxServer) -> None:
    accepted = submit(server, image_size="square_hd")
    url = f"/fal/platform/v1/models/requests/{accepted['request_id']}/payloads"
    assert server.client.delete(url, headers=ADMIN_KEY).status_code == 404
    server.advance(10)
    link = server.client.get(accepted["response_url"], headers=FAL_KEY).json()["images"][0]["url"]
    erased = server.client.delete(url, headers=ADMIN_KEY).json()
    assert erased == {"cdn_delete_results": [{"link": link, "exception": None}]}
    assert server.client.get(link).status_code == 404
    assert server.client.get(accepted["response_url"], headers=FAL_KEY).status_code == 404
    assert server.invoice()[accepted["request_id"]]["nano_usd"] == 25_000_000


def test_the_account_has_credits(server: SandboxServer) -> None:
    assert ask(server, "/account/billing").json() == {"username": "sandbox"}
    assert ask(server, "/account/billing", expand="credits").json()["credits"]["currency"] == "USD"


def test_webhook_addresses_are_public(server: SandboxServer) -> None:
    assert server.client.get("/fal/platform/v1/meta").json() == {"webhook_ip_ranges": ["127.0.0.1/32"]}
