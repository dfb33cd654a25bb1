"""Finding lost requests in fal's list: by the marker alone, and absent only where nothing there may be it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from outbound.direct import DirectWire
from providers.base import Accepted, LookFailed
from providers.fal import FalProvider
from providers.fal.listing import MOST_PAGES, RequestList
from providers.fal.urls import Queue
from providers.sightings import NotSeen, Wanted
from tests.providers.fal.conftest import KEY, MakeProvider

ENDPOINT = "fal-ai/flux/dev"
PATH = "/fal/queue/v1/models/requests/by-endpoint"
SENT = datetime(2026, 10, 1, 11, 59, 30, 500_000, tzinfo=UTC)
NOW = datetime(2026, 10, 1, 12, 0, 0, 250_000, tzinfo=UTC)
WANTED = Wanted("0199-attempt", SENT, {"prompt": "a heron", "num_images": 1})
ABSENT = NotSeen(whole=True)


def item(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    known = {
        "request_id": "request-1",
        "endpoint_id": ENDPOINT,
        "sent_at": "2026-10-01T11:59:40Z",
        "started_at": "2026-10-01T11:59:41Z",
        "json_input": {"prompt": "a heron", "num_images": 1, "darkroom_attempt": WANTED.marker},
    }
    return known | fields


def page(*items: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": following, "has_more": following is not None}


def lists(httpserver: HTTPServer, *items: dict[str, Any]) -> None:
    httpserver.expect_request(PATH).respond_with_json(page(*items))


def seen(provider: FalProvider, wanted: Wanted = WANTED) -> object:
    """What is said of one request; which others the list shows matters to one test alone."""
    found = provider.search(ENDPOINT, [wanted], NOW)[wanted.marker]
    return replace(found, shown=frozenset()) if isinstance(found, NotSeen) else found


def test_the_list_is_asked_for_the_endpoint_and_the_time_with_what_was_given(
    httpserver: HTTPServer, provider: FalProvider
) -> None:
    lists(httpserver)
    assert seen(provider) == ABSENT
    [(request, _)] = httpserver.log
    assert dict(request.args) == {
        "endpoint_id": ENDPOINT,
        "start": "2026-10-01T11:57:30Z",
        "end": "2026-10-01T12:02:01Z",
        "expand": "payloads",
        "limit": "100",
    }
    assert request.headers["Authorization"] == f"Key {KEY}"


def test_an_admin_key_reads_the_list_where_there_is_one(httpserver: HTTPServer, queue_url: str) -> None:
    lists(httpserver)
    seen(FalProvider(KEY, queue_url, f"{queue_url}/v1", admin_key="admin:secret"))
    [(request, _)] = httpserver.log
    assert request.headers["Authorization"] == "Key admin:secret"
    with pytest.raises(ValueError, match="check FAL_ADMIN_KEY"):
        FalProvider(KEY, queue_url, queue_url, admin_key="a\nb")


def test_a_request_is_known_by_its_marker_and_comes_with_its_addresses(
    httpserver: HTTPServer, provider: FalProvider, queue_url: str
) -> None:
    lists(httpserver, item())
    assert seen(provider) == Accepted(
        "request-1",
        status_url=f"{queue_url}/fal-ai/flux/requests/request-1/status",
        response_url=f"{queue_url}/fal-ai/flux/requests/request-1",
        cancel_url=f"{queue_url}/fal-ai/flux/requests/request-1/cancel",
        accepted_at=datetime(2026, 10, 1, 11, 59, 40, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("sent_at", "taken_at"),
    [
        ("2026-10-01T11:59:30Z", SENT),
        ("2026-10-01T12:00:09Z", NOW),
        ("2026-10-01T11:59:50", datetime(2026, 10, 1, 11, 59, 50, tzinfo=UTC)),
        ("yesterday", SENT),
        (None, SENT),
    ],
)
def test_it_was_taken_no_sooner_than_it_was_sent_and_no_later_than_now(
    httpserver: HTTPServer, provider: FalProvider, sent_at: str | None, taken_at: datetime
) -> None:
    lists(httpserver, item(sent_at=sent_at))
    found = seen(provider)
    assert isinstance(found, Accepted)
    assert found.accepted_at == taken_at


@pytest.mark.parametrize(
    "given",
    [
        {"input": {"prompt": "a heron", "darkroom_attempt": WANTED.marker}},
        json.dumps({"darkroom_attempt": WANTED.marker}),
    ],
)
def test_a_marker_within_a_wrapped_input_is_seen(
    httpserver: HTTPServer, provider: FalProvider, given: object
) -> None:
    lists(httpserver, item(json_input=given))
    assert isinstance(seen(provider), Accepted)


@pytest.mark.parametrize(
    "given",
    [
        {"prompt": "a heron", "darkroom_attempt": "0199-another"},
        {"prompt": "an egret"},
        {"prompt": "an egret", "darkroom_attempt": 5},
    ],
)
def test_a_request_that_was_given_something_else_is_not_it(
    httpserver: HTTPServer, provider: FalProvider, given: object
) -> None:
    lists(httpserver, item(json_input=given))
    assert seen(provider) == ABSENT


@pytest.mark.parametrize(
    "shown",
    [
        {"json_input": {"prompt": "a heron", "num_images": 1}},
        {"json_input": {"input": {"prompt": "a heron"}}},
        {"json_input": None},
        {"json_input": {}},
        {"json_input": "no JSON"},
        {"json_input": "\ud800"},
        {"json_input": [1]},
        {"endpoint_id": "fal-ai/flux/other"},
        {"json_input": None, "sent_at": None},
        {"json_input": None, "sent_at": None, "started_at": None},
    ],
)
def test_a_request_that_may_be_it_is_neither_taken_up_nor_overlooked(
    httpserver: HTTPServer, provider: FalProvider, shown: dict[str, Any]
) -> None:
    lists(httpserver, item(**shown))
    assert seen(provider) == NotSeen(whole=True, doubts=frozenset({"request-1"}))


def test_a_request_without_an_id_cannot_be_taken_up(httpserver: HTTPServer, provider: FalProvider) -> None:
    lists(httpserver, item(request_id=None))
    assert seen(provider) == NotSeen(whole=True, doubts=frozenset({""}))


def test_a_request_from_before_casts_no_doubt(httpserver: HTTPServer, provider: FalProvider) -> None:
    lists(httpserver, item(json_input=None, sent_at="2026-10-01T11:57:00Z"))
    assert seen(provider) == ABSENT


def test_without_a_prompt_all_that_was_sent_is_compared(
    httpserver: HTTPServer, provider: FalProvider
) -> None:
    lists(httpserver, item(json_input={"steps": 4, "more": 1}))
    assert seen(provider, Wanted("m", SENT, {"steps": 5})) == ABSENT
    assert seen(provider, Wanted("m", SENT, {"steps": 4})) != ABSENT


def test_all_that_the_list_shows_is_told(httpserver: HTTPServer, provider: FalProvider) -> None:
    others = [item(request_id=name, json_input={"prompt": "an egret"}) for name in ("request-8", "request-9")]
    lists(httpserver, *others)
    absent = provider.search(ENDPOINT, [WANTED], NOW)[WANTED.marker]
    assert absent == NotSeen(whole=True, shown=frozenset({"request-8", "request-9"}))


def in_pages(httpserver: HTTPServer, *pages: dict[str, Any]) -> None:
    """Pages by their cursors: none for the first, then the number."""

    def answer(request: Request) -> Response:
        number = int(request.args.get("cursor", "0"))
        return Response(json.dumps(pages[number]), content_type="application/json")

    httpserver.expect_request(PATH).respond_with_handler(answer)


def test_every_page_is_read_and_for_an_absence_twice(httpserver: HTTPServer, provider: FalProvider) -> None:
    other = item(request_id="request-0", json_input={"prompt": "an egret"})
    in_pages(httpserver, page(other, following="1"), page(other))
    assert seen(provider) == ABSENT
    assert len(httpserver.log) == 4


def test_reading_ends_once_all_are_found(httpserver: HTTPServer, provider: FalProvider) -> None:
    in_pages(httpserver, page(item(), following="1"), page())
    assert isinstance(seen(provider), Accepted)
    assert len(httpserver.log) == 1


def test_a_list_without_end_proves_nothing(httpserver: HTTPServer, provider: FalProvider) -> None:
    cursors = iter(range(1, 1000))
    httpserver.expect_request(PATH).respond_with_handler(
        lambda _: Response(json.dumps(page(following=str(next(cursors)))), content_type="application/json")
    )
    assert seen(provider) == NotSeen(whole=False)
    assert len(httpserver.log) == MOST_PAGES


@pytest.mark.parametrize("more", [{"has_more": True, "next_cursor": None}, {"next_cursor": 7}])
def test_a_page_that_promises_more_than_can_be_had_proves_nothing(
    httpserver: HTTPServer, provider: FalProvider, more: dict[str, Any]
) -> None:
    httpserver.expect_request(PATH).respond_with_json(page() | more)
    assert seen(provider) == NotSeen(whole=False)


def test_a_list_that_takes_too_long_is_left(httpserver: HTTPServer, queue_url: str) -> None:
    in_pages(httpserver, page(following="1"), page(item()))
    ticks: Iterator[float] = iter((0.0, 61.0))
    requests = RequestList(KEY, f"{queue_url}/v1", Queue(queue_url), DirectWire(), clock=lambda: next(ticks))
    assert requests.search(ENDPOINT, [WANTED], NOW) == {WANTED.marker: NotSeen(whole=False)}


def test_several_are_looked_for_at_once(httpserver: HTTPServer, provider: FalProvider) -> None:
    later = Wanted("0199-later", SENT + timedelta(seconds=20), {"prompt": "an egret"})
    lists(httpserver, item())
    found = provider.search(ENDPOINT, [later, WANTED], NOW)
    assert isinstance(found[WANTED.marker], Accepted)
    assert found[later.marker] == replace(ABSENT, shown=frozenset({"request-1"}))
    assert httpserver.log[0][0].args["start"] == "2026-10-01T11:57:30Z"


def refusal(status: int, kind: str) -> Callable[[Request], Response]:
    body = json.dumps({"error": {"type": kind, "message": "no"}})
    return lambda _: Response(body, status, content_type="application/json", headers={"Retry-After": "7"})


@pytest.mark.parametrize(
    ("status", "kind", "permanent"),
    [
        (401, "authorization_error", True),
        (403, "authorization_error", True),
        (400, "validation_error", True),
        (404, "not_found", True),
        (501, "not_implemented", True),
        (429, "rate_limited", False),
        (500, "server_error", False),
    ],
)
def test_a_refusal_says_whether_asking_again_may_help(
    httpserver: HTTPServer, provider: FalProvider, status: int, kind: str, *, permanent: bool
) -> None:
    httpserver.expect_request(PATH).respond_with_handler(refusal(status, kind))
    with pytest.raises(LookFailed) as caught:
        seen(provider)
    assert caught.value.permanent is permanent
    assert str(status) in str(caught.value)
    assert permanent or caught.value.retry_after == 7


def test_a_key_that_may_not_list_is_told_what_to_set(httpserver: HTTPServer, provider: FalProvider) -> None:
    httpserver.expect_request(PATH).respond_with_data("<html>", 403)
    with pytest.raises(LookFailed, match="set FAL_ADMIN_KEY") as caught:
        seen(provider)
    assert caught.value.permanent


@pytest.mark.parametrize("body", ["<html>", "[]", '{"items": {}}', '{"items": [5]}', "{}"])
def test_a_list_that_cannot_be_read_is_asked_for_again(
    httpserver: HTTPServer, provider: FalProvider, body: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data(body)
    with pytest.raises(LookFailed, match="could not be read") as caught:
        seen(provider)
    assert not caught.value.permanent


def test_a_gateways_page_is_no_word_of_fals(httpserver: HTTPServer, provider: FalProvider) -> None:
    httpserver.expect_request(PATH).respond_with_data("<html>", 404)
    with pytest.raises(LookFailed) as caught:
        seen(provider)
    assert not caught.value.permanent


def test_a_list_that_is_away_is_asked_for_again(make_provider: MakeProvider) -> None:
    with pytest.raises(LookFailed, match="could not be asked") as caught:
        seen(make_provider("http://127.0.0.1:1"))
    assert not caught.value.permanent


def test_what_is_no_endpoint_has_no_addresses(httpserver: HTTPServer, provider: FalProvider) -> None:
    lists(httpserver, item(endpoint_id="alone"))
    with pytest.raises(LookFailed, match="not a fal endpoint") as caught:
        provider.search("alone", [WANTED], NOW)
    assert caught.value.permanent
