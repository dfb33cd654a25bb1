"""The LinkModel emulator on the wire: tasks, prices, balance, links, limits and its scenarios."""

from typing import Any

import httpx
import pytest

from sandbox.linkmodel.catalogue import OFFERINGS
from sandbox.testing import LINKMODEL_KEY, SandboxServer

JsonObject = dict[str, Any]
BASE = "/linkmodel/api/v1"
MODELS = {"video": "kling-v3", "image": "seedream-4.0"}


def post(server: SandboxServer, kind: str = "video", **arguments: object) -> httpx.Response:
    body = {"model": MODELS[kind], "prompt": "a kite", **arguments}
    return server.client.post(f"{BASE}/{kind}-generation", json=body, headers=LINKMODEL_KEY)


def create(server: SandboxServer, kind: str = "video", **arguments: object) -> JsonObject:
    response = post(server, kind, **arguments)
    assert (response.status_code, response.json()["code"]) == (200, 0), response.text
    data: JsonObject = response.json()["data"]
    return data


def query(server: SandboxServer, task_id: str, kind: str = "video") -> httpx.Response:
    params = {"task_id": task_id}
    return server.client.get(f"{BASE}/query/{kind}-generation", params=params, headers=LINKMODEL_KEY)


def report(server: SandboxServer, task: JsonObject, kind: str = "video") -> JsonObject:
    data: JsonObject = query(server, task["task_id"], kind).json()["data"]
    return data


def charged(server: SandboxServer, task: JsonObject) -> int:
    return int(server.invoice()[task["task_id"]]["nano_usd"])


def test_a_create_tells_task_order_price_and_a_lowercase_status(server: SandboxServer) -> None:
    body = post(server).json()
    assert body.keys() == {"code", "data", "msg", "request_id"}
    assert body["data"].keys() == {"task_id", "order_id", "status", "price"}
    assert (body["data"]["status"], body["data"]["price"]) == ("processing", 0.305)


@pytest.mark.parametrize(
    ("kind", "arguments", "price"),
    [
        ("video", {"duration": 10, "resolution": "1080P"}, "0.813"),
        ("video", {"extends": {"audio": True}}, "0.4575"),
        ("video", {"model": "sora-2", "duration": 12}, "0.34"),
        ("video", {"model": "MiniMax-Hailuo-2.3"}, "0.224"),
        ("video", {"model": "wan2.6"}, "0.3049"),
        ("video", {"model": "seedance-2-5", "duration": -1}, "0.55"),
        ("image", {"max_images": 3}, "0.0696"),
        ("image", {"model": "gpt-image-2"}, "0.05"),
    ],
)
def test_prices_scale_with_seconds_images_and_variants(
    server: SandboxServer, kind: str, arguments: JsonObject, price: str
) -> None:
    response = post(server, kind, **arguments)
    assert f'"price":{price}}}' in response.text


def test_a_video_runs_and_hands_out_a_signed_link(server: SandboxServer) -> None:
    task = create(server, duration=3)
    assert report(server, task)["status"] == "Processing"
    server.advance(3)
    done = report(server, task)
    assert (done["status"], done["model"], done["duration"], done["msg"]) == ("Success", "kling-v3", 3, "")
    assert done["file_url"] == report(server, task)["file_url"]
    assert "x-oss-expires=172800" in done["file_url"]
    assert server.client.get(done["file_url"]).headers["content-type"] == "video/mp4"


def test_an_image_task_lists_its_images_and_echoes_its_references(server: SandboxServer) -> None:
    task = create(server, "image", max_images=2, images=["https://example.com/a.png"])
    server.advance(2)
    done = report(server, task, "image")
    assert done["images"] == ["https://example.com/a.png"]
    assert len(set(done["output_images"])) == 2


def test_a_query_says_message_where_a_create_says_msg(server: SandboxServer) -> None:
    body = query(server, create(server)["task_id"]).json()
    assert body["message"] == "success"
    assert "msg" not in body


def test_links_stop_working_after_48_hours_and_when_tampered_with(server: SandboxServer) -> None:
    task = create(server)
    server.advance(3)
    link = report(server, task)["file_url"]
    later = link.replace("x-oss-expires=172800", "x-oss-expires=999999")
    server.advance(172_799)
    assert server.client.get(link).status_code == 200
    server.advance(2)
    expired = server.client.get(link)
    assert (expired.status_code, "AccessDenied" in expired.text) == (403, True)
    tampered = server.client.get(later)
    assert (tampered.status_code, "SignatureDoesNotMatch" in tampered.text) == (403, True)
    assert server.client.get(link.split("?")[0]).status_code == 403


def test_tasks_are_found_by_their_own_kind_only(server: SandboxServer) -> None:
    task = create(server)
    assert query(server, "nothing").status_code == 404
    wrong = query(server, task["task_id"], "image")
    assert (wrong.status_code, wrong.json()["code"]) == (404, 404)
    missing = server.client.get(f"{BASE}/query/video-generation", headers=LINKMODEL_KEY)
    assert (missing.status_code, missing.json()["message"]) == (400, "task_id is required")


@pytest.mark.parametrize("path", ["auth/check", "query/image-generation?task_id=x", "query/video-generation"])
def test_real_keys_are_not_welcome(server: SandboxServer, path: str) -> None:
    response = server.client.get(f"{BASE}/{path}", headers={"Authorization": "Bearer sk-8b06"})
    assert (response.status_code, response.json()["code"]) == (401, 401)
    assert "sandbox" in response.text
    refused = server.client.post(
        f"{BASE}/video-generation", json={}, headers={"Authorization": "Key sandbox"}
    )
    assert refused.status_code == 401


def test_a_key_can_be_checked(server: SandboxServer) -> None:
    assert server.client.get(f"{BASE}/auth/check", headers=LINKMODEL_KEY).json()["data"] == {"valid": True}


def test_a_body_that_is_no_object_is_400(server: SandboxServer) -> None:
    response = server.client.post(f"{BASE}/video-generation", content=b"[]", headers=LINKMODEL_KEY)
    assert (response.status_code, response.json()["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("kind", "arguments", "text"),
    [
        ("video", {"model": None}, "model is required"),
        ("video", {"model": "seedream-4.0"}, "model seedream-4.0 is not available for video generation"),
        ("video", {"prompt": ""}, "prompt is required for kling-v3"),
        ("image", {"prompt": None}, "prompt is required"),
        ("image", {"prompt": 5}, "prompt must be a string"),
        ("video", {"model": "sora-2", "prompt": "x" * 2001}, "prompt must be between 1 and 2000 characters"),
        ("image", {"model": "seedream-5.0-lite", "prompt": "x" * 601}, "prompt length must be <= 600"),
        ("video", {"duration": 2}, "duration must be between 3 and 15 seconds"),
        ("video", {"duration": "5"}, "duration must be between 3 and 15 seconds"),
        ("video", {"model": "sora-2", "duration": 5}, "duration must be 4, 8 or 12 seconds"),
        ("video", {"model": "MiniMax-Hailuo-02", "duration": True}, "duration must be 6 or 10 seconds"),
        ("video", {"model": "MiniMax-Hailuo-2.3", "resolution": "720P"}, "resolution must be 1080P or 768P"),
        ("video", {"size": "4x3"}, "size must map to aspect_ratio 16:9, 9:16 or 1:1"),
        ("video", {"model": "sora-2", "size": "16x9"}, "size must be one of: 720x1280, 1280x720"),
        (
            "image",
            {"size": "5x7"},
            "invalid size, must be one of: 1x1, 4x3, 3x4, 16x9, 9x16, 3x2, 2x3, 21x9",
        ),
        ("image", {"model": "seedream-5.0-lite", "quality": "4K"}, "quality must be 2K or 3K"),
        (
            "image",
            {"model": "gpt-image-2", "size": "large"},
            f"invalid size, must be one of: {', '.join(OFFERINGS['gpt-image-2'].sizes)}",
        ),
        ("image", {"max_images": 16}, "max_images must be between 1 and 15"),
        ("image", {"max_images": True}, "max_images must be between 1 and 15"),
        (
            "image",
            {"images": ["https://e.x/a"] * 11},
            "too many reference images, maximum is 10 for seedream-4.0",
        ),
        ("image", {"images": []}, "images must be a non-empty list of valid URLs"),
        ("video", {"first_frame_image": "a.png"}, "first_frame_image must be a valid URL"),
        ("video", {"first_frame_image": "http://[x"}, "first_frame_image must be a valid URL"),
        ("video", {"first_frame_image": 1}, "first_frame_image must be a valid URL"),
        ("video", {"extends": []}, "extends must be a valid object"),
        ("video", {"extends": {"audio": 1}}, "extends.audio must be a boolean"),
        ("video", {"extends": {"cfg_scale": 1.1}}, "extends.cfg_scale must be between 0 and 1"),
        (
            "video",
            {"extends": {"negative_prompt": "x" * 2501}},
            "negative_prompt must be at most 2500 characters",
        ),
        (
            "video",
            {"model": "MiniMax-Hailuo-02", "resolution": "512P"},
            "first_frame_image is required for image-to-video",
        ),
        (
            "video",
            {
                "model": "MiniMax-Hailuo-02",
                "resolution": "512P",
                "first_frame_image": "https://e.x/a",
                "last_frame_image": "https://e.x/b",
            },
            "last_frame_image needs resolution 768P or 1080P",
        ),
        (
            "video",
            {"model": "MiniMax-Hailuo-2.3", "resolution": "1080P", "duration": 10},
            "duration 10 needs resolution 768P",
        ),
        (
            "image",
            {"model": "gpt-image-2", "size": "1000x1000"},
            f"invalid size, must be one of: {', '.join(OFFERINGS['gpt-image-2'].sizes)}",
        ),
    ],
)
def test_broken_limits_are_400_in_the_servers_own_words(
    server: SandboxServer, kind: str, arguments: JsonObject, text: str
) -> None:
    response = post(server, kind, **arguments)
    assert response.status_code == 400
    assert (response.json()["code"], response.json()["msg"]) == (400, text)
    assert server.submits() == []


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("image", {"model": "gpt-image-2", "size": "1792x1024"}),
        ("image", {"model": "seedream-5.0-pro", "size": "whatever"}),
        ("video", {"model": "seedance-2-0", "prompt": ""}),
        ("video", {"extends": {"cfg_scale": 0.5}, "unknown": 1}),
        ("video", {"model": "wan2.6", "extends": "not an argument of this model"}),
        ("image", {"model": "gpt-image-2", "max_images": "not an argument of this model"}),
        ("image", {"max_images": None}),
    ],
)
def test_what_the_gateway_takes_is_taken(server: SandboxServer, kind: str, arguments: JsonObject) -> None:
    create(server, kind, **arguments)


def test_every_model_makes_something(server: SandboxServer) -> None:
    for offering in OFFERINGS.values():
        task = create(server, offering.kind, model=offering.id)
        server.advance(3)
        assert report(server, task, offering.kind)["status"] == "Success"


def test_the_balance_is_held_at_create_and_given_back_on_failure(server: SandboxServer) -> None:
    server.client.patch("/control/settings", json={"linkmodel_balance_usd": "0.5"})
    failing = create(server, prompt="[sandbox:fail]")
    short = post(server)
    assert short.status_code == 200
    assert short.json()["code"] == 500
    assert short.json()["msg"] == "create task failed: billing: code=100601: insufficient balance"
    assert charged(server, failing) == 305_000_000
    server.advance(10)
    assert charged(server, failing) == 0
    assert charged(server, create(server)) == 305_000_000


def test_failures_can_be_charged_anyway(server: SandboxServer) -> None:
    one = create(server, prompt="[sandbox:fail=charged]")
    server.client.patch(
        "/control/settings", json={"linkmodel_charge_failed": True, "linkmodel_balance_usd": "0.7"}
    )
    other = create(server, prompt="[sandbox:moderation]")
    server.advance(10)
    assert [charged(server, task) for task in (one, other)] == [305_000_000] * 2
    assert post(server).json()["code"] == 500


@pytest.mark.parametrize(
    ("scenario", "status", "text"),
    [
        ("fail", "Failed", "generation failed: upstream error"),
        ("moderation", "Failed", "content policy blocked the task"),
        ("cancelled", "Cancelled", ""),
        ("unknown_status", "Archiving", ""),
    ],
)
def test_tasks_that_do_not_succeed_are_200_with_code_0(
    server: SandboxServer, scenario: str, status: str, text: str
) -> None:
    task = create(server, prompt=f"[sandbox:{scenario}]")
    server.advance(10)
    response = query(server, task["task_id"])
    body = response.json()
    assert (response.status_code, body["code"]) == (200, 0)
    assert (body["data"]["status"], body["data"]["msg"], body["data"]["file_url"]) == (status, text, "")


def test_a_task_can_wait_before_it_is_processed_and_never_end(server: SandboxServer) -> None:
    task = create(server, prompt="[sandbox:pending=4][sandbox:stuck]")
    assert report(server, task)["status"] == "Pending"
    server.advance(100_000)
    assert report(server, task)["status"] == "Processing"
    assert server.invoice()[task["task_id"]]["final"] is False


def test_a_price_of_0_is_not_what_is_charged(server: SandboxServer) -> None:
    task = create(server, prompt="[sandbox:price_zero]")
    assert task["price"] == 0
    assert charged(server, task) == 305_000_000


@pytest.mark.parametrize(
    ("scenario", "status", "code"),
    [
        ("insufficient_funds", 200, 500),
        ("insufficient_funds=402", 402, 500),
        ("auth_inband", 200, 401),
        ("inband_429", 200, 429),
        ("rate_limited", 429, 429),
        ("http_500", 500, 500),
        ("moderation=create", 400, 400),
    ],
)
def test_refused_creates_make_no_task(server: SandboxServer, scenario: str, status: int, code: int) -> None:
    response = post(server, prompt=f"[sandbox:{scenario}]")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert server.submits() == []


def test_a_dropped_create_is_charged(server: SandboxServer) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(server, prompt="[sandbox:drop_after_accept]")
    (recorded,) = server.submits()
    assert charged(server, {"task_id": recorded["request_id"]}) == 305_000_000


def test_the_envelope_can_lack_its_code_or_spell_the_request_id_otherwise(server: SandboxServer) -> None:
    assert "code" not in post(server, prompt="[sandbox:missing_code]").json()
    assert "requestId" in post(server, prompt="[sandbox:requestId]").json()
    server.plan("linkmodel", "missing_code", on="status")
    task = create(server)
    assert "code" not in query(server, task["task_id"]).json()
    assert query(server, task["task_id"]).json()["code"] == 0


def test_a_query_can_fail_in_band(server: SandboxServer) -> None:
    task = create(server, prompt="[sandbox:auth_inband@status]")
    assert query(server, task["task_id"]).json()["code"] == 401
    assert report(server, task)["status"] == "Processing"


@pytest.mark.parametrize(
    ("kind", "field", "empty"), [("video", "file_url", ""), ("image", "output_images", [])]
)
def test_a_success_can_be_empty(server: SandboxServer, kind: str, field: str, empty: object) -> None:
    task = create(server, kind, prompt="[sandbox:empty_outputs]")
    server.advance(5)
    done = report(server, task, kind)
    assert (done["status"], done[field]) == ("Success", empty)


def test_a_video_can_come_as_an_array(server: SandboxServer) -> None:
    task = create(server, prompt="[sandbox:output_videos]")
    server.advance(5)
    done = report(server, task)
    assert len(done["output_videos"]) == 1
    assert "file_url" not in done
