"""fal's own client against the emulator: what its users see is what they see of fal."""

from collections.abc import Iterator

import fal_client
import httpx
import pytest

from sandbox.config import Config
from sandbox.testing import SandboxServer


@pytest.fixture
def client() -> Iterator[fal_client.SyncClient]:
    client = fal_client.SyncClient(key="sandbox-test", default_timeout=60)
    yield client
    # It has no close of its own.
    client._client.close()  # noqa: SLF001


def test_fals_own_client_submits_waits_and_downloads(
    client: fal_client.SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(Config(image_seconds=0.2, cold_seconds=0.1)) as real:
        # The client knows https only, and no path in front of the endpoint, unless this is replaced.
        monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{real.fal_queue_url}/")
        seen: list[str] = []
        result = client.subscribe(
            "fal-ai/flux/dev",
            {"prompt": "a kite"},
            with_logs=True,
            on_queue_update=lambda status: seen.append(type(status).__name__),
        )
        assert {"Queued", "InProgress"} <= set(seen)
        assert (
            httpx.get(result["images"][0]["url"], timeout=60, trust_env=False).headers["content-type"]
            == "image/jpeg"
        )


def test_fals_own_client_raises_what_fal_answers(
    client: fal_client.SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(Config(image_seconds=0.1)) as real:
        monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{real.fal_queue_url}/")
        with pytest.raises(fal_client.FalClientHTTPError) as caught:
            client.subscribe("fal-ai/flux/dev", {"prompt": "[sandbox:moderation]"})
        assert caught.value.status_code == 422
        handle = client.submit("fal-ai/flux/dev", {"prompt": "[sandbox:stuck]"}, start_timeout=5)
        handle.cancel()
        with pytest.raises(fal_client.FalClientHTTPError) as caught:
            handle.get()
        assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
