"""Costs by billed units, and the price list they are multiplied by."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request as HttpRequest
from werkzeug import Response

from domain.costs import NOT_BILLED, UNKNOWN_COST, Basis, Cost
from domain.lifecycle import Kind
from outbound.direct import DirectWire
from outbound.wire import NoReply, Reply, Request
from providers.base import Handle, LookFailed, UnitPrice
from providers.fal import FalProvider
from providers.fal.billing import PriceList, cost_of_failure, cost_of_result

ENDPOINT = "fal-ai/flux/dev"
UNITS = "x-fal-billable-units"
EXPECTED = Cost(7, Basis.CATALOGUE, final=False)


def test_units_times_the_price_at_submit(handle: Handle) -> None:
    cost = cost_of_result({UNITS: "1.04857600"}, replace(handle, unit_price=Decimal("0.025")))
    assert cost == Cost(26_214_400, Basis.BILLABLE_UNITS, final=True, units=Decimal("1.048576"))


def test_without_the_header_the_expected_cost_stands(handle: Handle) -> None:
    assert cost_of_result({}, replace(handle, expected_cost=EXPECTED)) == EXPECTED
    assert cost_of_result({}, handle) == UNKNOWN_COST


def test_without_a_price_the_expected_cost_stands_beside_the_units(handle: Handle) -> None:
    unpriced = replace(handle, unit_price=None)
    cost = cost_of_result({UNITS: "2"}, replace(unpriced, expected_cost=EXPECTED))
    assert cost == replace(EXPECTED, units=Decimal(2))
    assert cost_of_result({UNITS: "2"}, unpriced) == replace(UNKNOWN_COST, units=Decimal(2))
    assert cost_of_result({UNITS: "0"}, unpriced).nano == 0


@pytest.mark.parametrize("text", ["", "many", "-1", "NaN", "Infinity", "1e3", "1,5", "٣", "9" * 40])
def test_units_that_cannot_be_read_make_the_cost_unknown(text: str, handle: Handle) -> None:
    assert cost_of_result({UNITS: text}, replace(handle, expected_cost=EXPECTED)) == UNKNOWN_COST


def test_an_absurd_product_is_unknown_and_no_crash(handle: Handle) -> None:
    cost = cost_of_failure(422, {UNITS: "9" * 18}, handle)
    assert (cost.nano, cost.units) == (None, Decimal("9" * 18))


def test_nothing_is_billed_from_500_up(handle: Handle) -> None:
    assert cost_of_failure(500, {UNITS: "3"}, handle) == NOT_BILLED
    assert cost_of_failure(499, {}, handle) == UNKNOWN_COST


@given(st.integers(0, 10**8), st.integers(0, 10**10))
def test_the_product_is_exact_to_the_nano_dollar(hundred_millionths: int, nano_price: int) -> None:
    units, price = Decimal(hundred_millionths).scaleb(-8), Decimal(nano_price).scaleb(-9)
    handle = Handle("r", Kind.IMAGE, ENDPOINT, datetime.now(UTC), unit_price=price)
    exact, rest = divmod(hundred_millionths * nano_price, 10**8)
    cost = cost_of_result({UNITS: f"{units:.8f}"}, handle)
    assert cost.nano == exact + (rest >= 10**8 // 2)


def prices(*rows: object) -> str:
    return json.dumps({"prices": list(rows), "next_cursor": None, "has_more": False})


def row(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {"endpoint_id": ENDPOINT, "unit_price": 0, "unit": "image", "currency": "USD"} | changes


PRICING = "/fal/queue/v1/models/pricing"


def test_the_unit_price_is_exact_and_asked_for_by_key(provider: FalProvider, httpserver: HTTPServer) -> None:
    body = prices(row(endpoint_id="other", unit_price=1), row()).replace(
        '"unit_price": 0', '"unit_price": 0.1000000000000000055'
    )
    httpserver.expect_request(
        PRICING, query_string={"endpoint_id": ENDPOINT}, headers={"Authorization": "Key key-id:key-secret"}
    ).respond_with_data(body)
    price = provider.unit_price(ENDPOINT)
    assert price == UnitPrice(Decimal("0.1000000000000000055"), "image")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, prices(), "does not name"),
        (200, prices(row(endpoint_id="other"), "odd"), "does not name"),
        (200, '{"prices": null}', "does not name"),
        (200, prices(row(currency="EUR")), "'EUR', not in USD"),
        (200, prices(row(currency=None)), "not in USD"),
        (200, prices(row(unit_price=None)), "not an amount"),
        (200, prices(row(unit_price=True)), "not an amount"),
        (200, prices(row(unit_price="0.1")), "not an amount"),
        (200, prices(row(unit_price=-1)), "not an amount"),
        (200, prices(row(unit_price=float("nan"))), "not an amount"),
        (200, "<html>", "could not be read"),
        (200, "[]", "could not be read"),
        (404, '{"error": {"type": "not_found"}}', "does not name"),
        (429, "", "429"),
        (500, "", "500"),
        (302, "", "302"),
    ],
)
def test_a_price_that_cannot_be_had_is_a_failed_look(
    status: int, body: str, reason: str, provider: FalProvider, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PRICING).respond_with_data(body, status)
    with pytest.raises(LookFailed, match=reason):
        provider.unit_price(ENDPOINT)


class Wire:
    """A price list in memory that can be changed or cut off."""

    def __init__(self) -> None:
        self.usd = 1
        self.up = True
        self.asked = 0

    def call(self, request: Request, *, timeout: float) -> Reply:
        assert timeout == 5
        self.asked += 1
        if not self.up:
            raise NoReply("timeout")
        endpoint = request.url.partition("endpoint_id=")[2].replace("%2F", "/")
        return Reply(200, {}, prices(row(endpoint_id=endpoint, unit_price=self.usd)).encode())


def test_a_price_is_kept_for_a_minute_and_each_endpoint_has_its_own() -> None:
    now, wire = [0.0], Wire()
    listed = PriceList("sandbox", "http://127.0.0.1:1/v1/", wire, clock=lambda: now[0])
    assert listed.unit_price("a/b").usd == 1
    wire.usd, now[0] = 2, 59.0
    assert listed.unit_price("a/b").usd == 1
    assert listed.unit_price("a/c").usd == 2
    now[0] = 60.0
    assert listed.unit_price("a/b").usd == 2
    assert wire.asked == 3


def answered(listed: Mapping[str, str], asked: list[list[str]]) -> Callable[[HttpRequest], Response]:
    """A price list that knows these endpoints only, and answers 404 where it is asked about another one."""

    def answer(request: HttpRequest) -> Response:
        names = request.args.getlist("endpoint_id")
        asked.append(names)
        if not set(names) <= set(listed):
            return Response("{}", 404)
        return Response(prices(*(row(endpoint_id=name, currency=listed[name]) for name in names)))

    return answer


def test_many_prices_are_asked_for_fifty_at_a_time(provider: FalProvider, httpserver: HTTPServer) -> None:
    names, asked = [f"a/{number}" for number in range(120)], list[list[str]]()
    httpserver.expect_request(PRICING).respond_with_handler(answered(dict.fromkeys(names, "USD"), asked))
    found = provider.unit_prices(names)
    assert [len(one) for one in asked] == [50, 50, 20]
    assert list(found) == names
    assert {price.unit for price in found.values() if price is not None} == {"image"}
    assert provider.unit_price("a/7") == found["a/7"]
    assert len(asked) == 3


def test_an_endpoint_that_the_list_does_not_know_hides_no_other(
    provider: FalProvider, httpserver: HTTPServer
) -> None:
    listed = {"a/b": "USD", "a/c": "USD", "a/d": "EUR"}
    httpserver.expect_request(PRICING).respond_with_handler(answered(listed, []))
    found = provider.unit_prices(["a/b", "me/mine", "a/c", "a/d", "me/too"])
    assert {name for name, price in found.items() if price is not None} == {"a/b", "a/c"}
    assert list(found) == ["a/b", "me/mine", "a/c", "a/d", "me/too"]


def test_prices_that_cannot_be_read_are_a_failed_look(provider: FalProvider, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PRICING).respond_with_data("", 500)
    with pytest.raises(LookFailed, match="answered 500"):
        provider.unit_prices(["a/b"])


def test_a_list_that_is_away_is_not_asked_again_for_every_submit() -> None:
    now, wire = [0.0], Wire()
    listed = PriceList("sandbox", "http://127.0.0.1:1/v1", wire, clock=lambda: now[0])
    wire.up = False
    with pytest.raises(LookFailed, match="could not be read"):
        listed.unit_price("a/b")
    now[0] = 14.9
    with pytest.raises(LookFailed, match="had no price of a/b just now"):
        listed.unit_price("a/b")
    assert wire.asked == 1
    wire.up, now[0] = True, 15.0
    assert listed.unit_price("a/b").usd == 1


def test_an_endpoint_that_the_list_chokes_on_does_not_take_the_others_prices_away() -> None:
    wire = Wire()
    listed = PriceList("sandbox", "http://127.0.0.1:1/v1", wire, clock=lambda: 0.0)
    wire.up = False
    with pytest.raises(LookFailed, match="could not be read"):
        listed.unit_price("a/b")
    wire.up = True
    assert listed.unit_price("a/c").usd == 1


def test_an_unreachable_price_list_is_a_failed_look() -> None:
    with pytest.raises(LookFailed):
        PriceList("sandbox", "http://127.0.0.1:1/v1", DirectWire()).unit_price("a/b")


@pytest.mark.parametrize("unit", ["gpu_second", "GPU seconds", "compute second"])
def test_without_the_header_an_own_application_is_costed_by_its_gpu_seconds(
    unit: str, handle: Handle
) -> None:
    own = replace(handle, unit=unit, unit_price=Decimal("0.001"))
    cost = cost_of_result({}, own, Decimal("4.25"))
    assert (cost.nano, cost.basis, cost.final) == (4_250_000, Basis.GPU_SECONDS, False)


def test_seconds_of_work_say_nothing_about_what_is_billed_otherwise(handle: Handle) -> None:
    priced = replace(handle, unit_price=Decimal("0.001"), expected_cost=EXPECTED)
    assert cost_of_result({}, replace(priced, unit="second"), Decimal(4)) == EXPECTED
    assert cost_of_result({}, replace(priced, unit="gpu_second"), None) == EXPECTED
    assert cost_of_result({UNITS: "2"}, replace(priced, unit="gpu_second"), Decimal(4)).nano == 2_000_000
