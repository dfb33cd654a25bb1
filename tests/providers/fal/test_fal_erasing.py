"""Erasing at fal: with the admin key alone, and told apart when it is not done."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from providers.base import LookFailed, PayloadErased
from providers.fal import FalProvider
from sandbox.testing import FAL_KEY, SandboxServer
from tests.providers.fal.conftest import KEY

REQUEST = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
PATH = f"/v1/models/requests/{REQUEST}/payloads"


@pytest.fixture
def provider(httpserver: HTTPServer) -> FalProvider:
    base = httpserver.url_for("")
    return FalProvider(KEY, base, f"{base}/v1", admin_key="admin-id:admin-secret")


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


def refusal(provider: FalProvider) -> LookFailed:
    with pytest.raises(LookFailed) as caught:
        provider.erase(REQUEST)
    return caught.value


def test_input_output_and_files_are_gone_at_fal(sandbox: SandboxServer) -> None:
    fal = FalProvider(
        "sandbox-x", sandbox.fal_queue_url, sandbox.fal_platform_url, admin_key="sandbox-admin-x"
    )
    taken = sandbox.client.post(
        "/fal/queue/fal-ai/flux/dev", json={"prompt": "a kite", "num_images": 2}, headers=FAL_KEY
    ).json()
    sandbox.advance(20)
    made = sandbox.client.get(taken["response_url"], headers=FAL_KEY).json()["images"]
    assert fal.erase(taken["request_id"]) == PayloadErased(files=2)
    assert [sandbox.client.get(image["url"]).status_code for image in made] == [404, 404]
    assert fal.erase(taken["request_id"]) == PayloadErased()


def test_a_key_that_is_not_an_admins_cannot_erase_and_is_told_which_can(sandbox: SandboxServer) -> None:
    fal = FalProvider("sandbox-x", sandbox.fal_queue_url, sandbox.fal_platform_url)
    with pytest.raises(LookFailed, match="set FAL_ADMIN_KEY") as caught:
        fal.erase(REQUEST)
    assert caught.value.permanent


def test_the_admin_key_goes_with_the_one_request_and_no_other(
    httpserver: HTTPServer, provider: FalProvider
) -> None:
    httpserver.expect_request(PATH, method="DELETE").respond_with_json({"cdn_delete_results": []})
    assert provider.erase(REQUEST) == PayloadErased()
    [(request, _)] = httpserver.log
    assert request.headers["Authorization"] == "Key admin-id:admin-secret"


def test_files_that_fal_could_not_remove_are_counted(httpserver: HTTPServer, provider: FalProvider) -> None:
    results = [{"link": "https://x/1", "exception": None}, {"link": "https://x/2", "exception": "busy"}]
    httpserver.expect_request(PATH).respond_with_json({"cdn_delete_results": results})
    assert provider.erase(REQUEST) == PayloadErased(files=1, files_left=1)


def test_a_request_that_fal_does_not_know_is_missing(httpserver: HTTPServer, provider: FalProvider) -> None:
    error = {"type": "not_found", "message": "no such request"}
    httpserver.expect_request(PATH).respond_with_json({"error": error}, status=404)
    failed = refusal(provider)
    assert (failed.missing, failed.permanent) == (True, False)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "<html>nginx</html>"), (404, '{"detail": "no"}'), (500, "{}"), (200, "oops"), (200, "{}")],
)
def test_an_answer_that_says_nothing_of_the_request_is_asked_for_again(
    httpserver: HTTPServer, provider: FalProvider, status: int, body: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data(body, status=status)
    failed = refusal(provider)
    assert (failed.missing, failed.permanent) == (False, False)


def test_a_wait_that_fal_asks_for_is_told(httpserver: HTTPServer, provider: FalProvider) -> None:
    httpserver.expect_request(PATH).respond_with_data("{}", status=429, headers={"Retry-After": "30"})
    assert refusal(provider).retry_after == pytest.approx(30)


def test_no_connection_is_no_answer() -> None:
    provider = FalProvider(KEY, "http://127.0.0.1:1", "http://127.0.0.1:1/v1")
    assert "could not be asked to erase" in str(refusal(provider))
