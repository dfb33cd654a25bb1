"""The emulators themselves: they speak the contracts' wire and keep a right invoice."""

import io
from collections.abc import Iterator

import av
import httpx
import pytest
from PIL import Image

from tests.emulators import linkmodel_script as tasks
from tests.emulators.cdn import Cdn, cut_off
from tests.emulators.fal import KEY, Fal
from tests.emulators.linkmodel import KEY as LINKMODEL_KEY
from tests.emulators.linkmodel import LinkModel
from tests.emulators.media import clip, picture
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET

_JSON = {"Content-Type": "application/json"}


@pytest.fixture
def cdn() -> Iterator[Cdn]:
    with Cdn().serving() as running:
        yield running


@pytest.fixture
def fal(cdn: Cdn) -> Iterator[Fal]:
    with Fal(cdn).serving() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Authorization": f"Key {KEY}"}, timeout=60, trust_env=False) as open_client:
        yield open_client


def test_the_media_are_what_they_say() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        with Image.open(io.BytesIO(picture(kind))) as image:
            image.load()
            assert (image.format, image.size) == (kind, (48, 32))
    with av.open(io.BytesIO(clip()), "r") as container:
        assert len(list(container.decode(video=0))) == 4


def test_a_fal_request_goes_from_queue_to_output_and_onto_the_invoice(fal: Fal, client: httpx.Client) -> None:
    given = {"prompt": "a kite", "image_size": "square_hd"}
    answer = client.post(f"{fal.server.url}/fal-ai/flux/dev", json=given).json()
    assert answer["status"] == "IN_QUEUE"
    seen = [client.get(answer["status_url"]) for _ in range(3)]
    assert [(one.status_code, one.json()["status"]) for one in seen] == [
        (202, "IN_QUEUE"),
        (202, "IN_PROGRESS"),
        (200, "COMPLETED"),
    ]
    result = client.get(answer["response_url"])
    assert result.headers["x-fal-billable-units"] == "1"
    assert client.get(result.json()["images"][0]["url"]).content == picture("JPEG")
    assert fal.charges("a kite") == {answer["request_id"]: 27_500_000}
    assert fal.violations == []


def test_what_the_model_does_not_take_is_a_422_at_the_result(fal: Fal, client: httpx.Client) -> None:
    given = {"prompt": "a kite", "duration": 5}
    url = f"{fal.server.url}/fal-ai/kling-video/v3/standard/text-to-video"
    answer = client.post(url, json=given).json()
    assert client.get(answer["response_url"]).status_code == 400
    for _ in range(3):
        client.get(answer["status_url"])
    assert client.get(answer["response_url"]).json()["detail"][0]["loc"] == ["body", "duration"]
    assert fal.violations == [
        f"{url.removeprefix(fal.server.url)[1:]}: duration=5 is not what the model takes"
    ]


def test_an_accepted_request_may_answer_with_silence(fal: Fal, client: httpx.Client) -> None:
    fal.expect("lost", faults=(OnPost(taken=True, reply=RESET),))
    with pytest.raises(httpx.TransportError):
        client.post(f"{fal.server.url}/fal-ai/flux/dev", json={"prompt": "lost"})
    assert (fal.posts("lost"), len(fal.accepted("lost"))) == (1, 1)


def test_a_cut_off_file_is_noticed_by_its_length(cdn: Cdn, client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(cdn.put(cut_off()))


def test_a_linkmodel_task_is_made_queried_and_charged(cdn: Cdn) -> None:
    with LinkModel(cdn).serving() as gateway:
        gateway.expect("kite", tasks.Plan((tasks.stands("Success"),), price="0.3049", charged="0.3049"))
        sent = {"Authorization": f"Bearer {LINKMODEL_KEY}", **_JSON}
        with httpx.Client(headers=sent, timeout=60, trust_env=False) as client:
            made = client.post(
                f"{gateway.url}/video-generation", json={"model": "kling-v3", "prompt": "kite"}
            )
            assert '"price": 0.3049' in made.text
            task_id = made.json()["data"]["task_id"]
            seen = client.get(f"{gateway.url}/query/video-generation", params={"task_id": task_id})
            assert (seen.json()["code"], seen.json()["data"]["status"]) == (0, "Success")
            wrong = client.post(f"{gateway.url}/video-generation", json={"model": "kling-v3"})
            assert (wrong.status_code, wrong.json()["msg"]) == (400, "prompt is required")
        assert gateway.charges("kite") == {task_id: 304_900_000}
