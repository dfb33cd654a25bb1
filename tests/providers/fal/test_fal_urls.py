"""The key is sent to the configured queue and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.fal.urls import InvalidEndpoint, Queue, app_of

LOCAL = Queue("http://127.0.0.1:8010/fal/queue/")
REAL = Queue("https://queue.fal.run")


@pytest.mark.parametrize(
    ("endpoint", "app"),
    [
        ("fal-ai/flux/dev", "fal-ai/flux"),
        ("fal-ai/kling-video/v3/standard/text-to-video", "fal-ai/kling-video"),
        ("luma/agent/ray/v3.2/text-to-video", "luma/agent"),
        ("owner/app", "owner/app"),
        ("workflows/owner/app/step", "workflows/owner/app"),
        ("comfy/owner/app", "comfy/owner/app"),
    ],
)
def test_the_application_of_an_endpoint(endpoint: str, app: str) -> None:
    assert app_of(endpoint) == app
    links = REAL.links(endpoint, "id", {})
    assert links.status == f"https://queue.fal.run/{app}/requests/id/status"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "app",
        "/app",
        "owner/",
        "workflows/owner",
        "a/../b",
        "a/b?x=1",
        "a/b#c",
        "a//b",
        "a/b c",
        "a/%2e",
        "a/ü",
    ],
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(InvalidEndpoint, match="owner/app"):
        app_of(endpoint)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8010/fal/queue/a/b/requests/1",
        "http://127.0.0.1:8010/fal/queue/a/b/requests/1/response?x=1",
    ],
)
def test_an_address_in_the_queue_is_kept(url: str) -> None:
    assert LOCAL.inside(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "/fal/queue/a/b",
        "http://127.0.0.1:8010/fal/queue",
        "http://127.0.0.1:8010/fal/queued/a",
        "http://127.0.0.1:8010/other",
        "http://127.0.0.1:8010/fal/queue/../../admin",
        "http://127.0.0.1:8010/fal/queue/%2e%2e/%2e%2e/admin",
        "http://127.0.0.1:8011/fal/queue/a",
        "https://127.0.0.1:8010/fal/queue/a",
        "http://user@127.0.0.1:8010/fal/queue/a",
        "http://127.0.0.1:8010@evil.example/fal/queue/a",
        "http://127.0.0.1:8010\\@evil.example/fal/queue/a",
        "http://127.0.0.1.evil.example:8010/fal/queue/a",
        "http://[::1/fal/queue/a",
        "http://127.0.0.1:8010/fal/queue/\ud800",
        "http://xn--.example/fal/queue/a",
        "http://127.0.0.1:99999999999/fal/queue/a",
        "ftp://127.0.0.1:8010/fal/queue/a",
    ],
)
def test_an_address_outside_the_queue_is_not(url: object) -> None:
    assert LOCAL.inside(url) is None


def test_a_fragment_is_dropped_and_a_default_port_is_no_difference() -> None:
    assert REAL.inside("https://QUEUE.fal.run:443/a/b#frag") == "https://queue.fal.run/a/b"


def test_what_the_client_builds_is_moved_into_the_queue() -> None:
    built = "https://queue.fal.run/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fx%2Fy"
    moved = "http://127.0.0.1:8010/fal/queue/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fx%2Fy"
    assert LOCAL.moved(built) == moved
    assert LOCAL.moved(moved) == moved
    assert REAL.moved(built) == built


@given(st.text(max_size=60))
def test_no_request_id_escapes_its_place(request_id: str) -> None:
    links = LOCAL.links("owner/app", request_id.encode("utf-8", "ignore").decode(), {})
    tail = links.status.removeprefix("http://127.0.0.1:8010/fal/queue/owner/app/requests/")
    assert tail.count("/") == 1
    assert not {"?", "#"} & set(tail)


@given(st.text(max_size=80))
def test_nothing_but_the_queue_is_ever_inside(path: str) -> None:
    for url in (path, f"http://127.0.0.1:8010{path}", f"http://127.0.0.1:8010/fal/queue/{path}"):
        kept = LOCAL.inside(url)
        assert kept is None or kept.startswith("http://127.0.0.1:8010/fal/queue/")
