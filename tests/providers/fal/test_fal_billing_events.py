"""What fal's billing events say of requests: read exactly, and never taken for more than they tell."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from outbound.direct import DirectWire
from providers.base import LookFailed
from providers.bills import Bill, Billed
from providers.fal import FalProvider
from providers.fal.billing_events import BillingEvents, _bill

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATH = "/v1/models/billing-events"


def event(request_id: str = "a", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Fal's own example: two units, ten percent off."""
    return {
        "request_id": request_id,
        "endpoint_id": "fal-ai/flux/dev",
        "timestamp": "2026-11-22T11:00:00Z",
        "output_units": 2,
        "unit_price": 0.025,
        "percent_discount": 10,
        "cost_subtotal": 0.05,
        "cost_discount": 0.005,
        "cost_total": 0.045,
        "cost_estimate_nano_usd": 45_000_000,
    } | fields


UNPRICED: dict[str, Any] = {"output_units": None, "unit_price": None, "cost_subtotal": 0, "cost_total": 0}
UNPRICED |= {"cost_estimate_nano_usd": 0, "percent_discount": None, "cost_discount": 0}


def page(*events: object, cursor: str | None = None) -> dict[str, Any]:
    return {"billing_events": list(events), "next_cursor": cursor, "has_more": cursor is not None}


def ask(httpserver: HTTPServer, *request_ids: str) -> dict[str, Bill]:
    source = BillingEvents("id:admin", httpserver.url_for("/v1"), DirectWire())
    return dict(source.bills(request_ids, NOW - timedelta(hours=3), NOW))


def test_the_charge_is_what_is_paid_after_the_discount(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json(page(event(), event("not asked for")))
    assert ask(httpserver, "a", "b") == {
        "a": Bill(
            nano=45_000_000,
            subtotal_nano=50_000_000,
            units=Decimal(2),
            unit_price=Decimal("0.025"),
            events=1,
            at=datetime(2026, 11, 22, 11, tzinfo=UTC),
        )
    }
    [(request, _)] = httpserver.log
    assert request.headers["Authorization"] == "Key id:admin"
    assert request.args.getlist("request_id") == ["a", "b"]
    assert (request.args["start"], request.args["end"]) == ("2026-11-22T08:50:00Z", "2026-11-22T12:10:00Z")


def test_no_more_than_ninety_days_are_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json(page())
    source = BillingEvents("id:admin", httpserver.url_for("/v1"), DirectWire())
    source.bills(["a"], NOW - timedelta(days=300), NOW)
    [(request, _)] = httpserver.log
    start, end = (datetime.fromisoformat(request.args[name]) for name in ("start", "end"))
    assert end - start < timedelta(days=90)


def test_fifty_are_asked_about_at_a_time_and_every_page_is_read(httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        asked = request.args.getlist("request_id")
        assert len(asked) <= 50
        first = "cursor" not in request.args
        body = page(event(asked[0]), cursor="Mg==" if first else None)
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request(PATH).respond_with_handler(answer)
    found = ask(httpserver, *(f"r{number}" for number in range(120)))
    twice = dict.fromkeys(("r0", "r50", "r100"), 90_000_000)
    assert {name: bill.nano for name, bill in found.items()} == twice
    assert len(httpserver.log) == 6


@pytest.mark.parametrize(
    ("told", "nano"),
    [
        ([event(**UNPRICED)], None),
        ([event(**UNPRICED | {"cost_total": None, "cost_estimate_nano_usd": None})], None),
        ([event(), event(**UNPRICED)], None),
        ([event(cost_total=0, cost_estimate_nano_usd=0, percent_discount=100)], 0),
        ([event(output_units=0, cost_total=0, cost_estimate_nano_usd=0)], 0),
        ([event(), event(cost_total=0.001, cost_estimate_nano_usd=1_000_000)], 46_000_000),
        ([event(), event(cost_total=-0.005, cost_estimate_nano_usd=-5_000_000)], 40_000_000),
        ([event(cost_total=-0.005, cost_estimate_nano_usd=-5_000_000)], None),
        ([event(cost_total=0.0000000015, cost_estimate_nano_usd=1)], 1),
        ([event(cost_total=0.0000000015, cost_estimate_nano_usd=None)], 2),
        ([event(cost_total=None)], 45_000_000),
        ([event(cost_estimate_nano_usd=0)], 45_000_000),
        ([event(cost_estimate_nano_usd="45000000", cost_total="0.045")], None),
        ([event(cost_total=True, cost_estimate_nano_usd=None)], None),
        ([event(cost_total=1e30, cost_estimate_nano_usd=1e40)], None),
        ([event(cost_total=9e9, cost_estimate_nano_usd=9 * 10**18)] * 2, None),
    ],
)
def test_what_has_no_price_yet_is_not_taken_for_free(
    httpserver: HTTPServer, told: list[dict[str, Any]], nano: int | None
) -> None:
    httpserver.expect_request(PATH).respond_with_json(page(*told))
    assert ask(httpserver, "a")["a"].nano == nano


def test_units_and_prices_that_differ_are_not_told_as_one(httpserver: HTTPServer) -> None:
    other = event(unit_price=0.03, output_units=None, cost_subtotal=None, timestamp="2026-11-22T11:30:00")
    httpserver.expect_request(PATH).respond_with_json(page(event(timestamp="yesterday"), other))
    bill = ask(httpserver, "a")["a"]
    assert (bill.units, bill.unit_price, bill.subtotal_nano, bill.events) == (None, None, None, 2)
    assert bill.at == datetime(2026, 11, 22, 11, 30, tzinfo=UTC)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=5))
def test_however_it_is_split_a_bill_is_the_sum_to_the_nano_dollar(parts: list[int]) -> None:
    events = [event(cost_total=Decimal(part).scaleb(-9), cost_estimate_nano_usd=part) for part in parts]
    assert _bill(events).nano == sum(parts)


@pytest.mark.parametrize(
    ("status", "body", "permanent"),
    [
        (401, b"{}", True),
        (403, b'{"error": {"type": "authorization_error", "message": "no"}}', True),
        (429, b"", False),
        (500, b"<html>", False),
        (200, b"<html>", False),
        (200, b'{"billing_events": null}', False),
        (200, b'{"billing_events": [1]}', False),
    ],
)
def test_an_answer_that_cannot_be_read_is_none(
    httpserver: HTTPServer, status: int, body: bytes, *, permanent: bool
) -> None:
    answer = Response(body, status, {"Retry-After": "70"}, content_type="application/json")
    httpserver.expect_request(PATH).respond_with_response(answer)
    with pytest.raises(LookFailed) as failed:
        ask(httpserver, "a")
    assert failed.value.permanent is permanent
    assert "id:admin" not in str(failed.value)
    if status == 429:
        assert failed.value.retry_after == 70


def test_pages_without_end_are_not_read_for_ever(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json(page(event(), cursor="again"))
    with pytest.raises(LookFailed, match="more than 20 pages"):
        ask(httpserver, "a")


def test_no_answer_is_a_look_that_failed() -> None:
    source = BillingEvents("id:admin", "http://127.0.0.1:1/v1", DirectWire())
    with pytest.raises(LookFailed, match="could not be asked"):
        source.bills(["a"], NOW, NOW)


def test_there_is_no_billing_without_an_admin_key() -> None:
    given = ("key", "http://127.0.0.1:1", "http://127.0.0.1:1")
    assert FalProvider(*given).billing is None
    with_key = FalProvider(*given, admin_key="admin")
    assert isinstance(with_key, Billed)
    assert with_key.billing is not None
