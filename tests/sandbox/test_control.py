"""The control API, the callback receiver and the request log."""

import base64

import pytest

from sandbox.config import Config
from sandbox.testing import FAL_KEY, LINKMODEL_KEY, SandboxServer

FLUX = "/fal/queue/fal-ai/flux/dev"


def submit(server: SandboxServer, path: str = FLUX) -> int:
    return server.client.post(path, json={"prompt": "x"}, headers=FAL_KEY).status_code


def test_planned_outcomes_strike_the_next_submits_in_order(server: SandboxServer) -> None:
    server.plan("fal", "locked", count=2)
    server.plan("fal", "success")
    server.plan("fal", "http_502")
    assert [submit(server) for _ in range(5)] == [403, 403, 200, 502, 200]


def test_a_plan_can_be_for_one_endpoint_or_provider(server: SandboxServer) -> None:
    server.plan("fal", "locked", endpoint="fal-ai/flux/schnell")
    server.plan("linkmodel", "http_500")
    assert submit(server) == 200
    assert submit(server, "/fal/queue/fal-ai/flux/schnell") == 403
    assert len(server.client.get("/control/scenarios").json()) == 1
    assert server.client.delete("/control/scenarios").status_code == 200
    assert server.client.get("/control/scenarios").json() == []


def test_a_plan_can_combine_steps_give_a_value_and_strike_a_later_call(server: SandboxServer) -> None:
    server.plan("fal", ["queue", "no_units"], value=1)
    accepted = server.client.post(FLUX, json={"prompt": "x"}, headers=FAL_KEY).json()
    assert accepted["queue_position"] == 1
    server.plan("fal", "rate_limited", on="status", value=9)
    response = server.client.get(accepted["status_url"], headers=FAL_KEY)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "9")
    server.advance(30)
    assert "X-Fal-Billable-Units" not in server.client.get(accepted["response_url"], headers=FAL_KEY).headers


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "fal", "scenario": "nonsense"},
        {"provider": "linkmodel", "scenario": "cold"},
        {"provider": "fal", "scenario": []},
        {"provider": "fal", "scenario": "fail@night"},
        {"provider": "other", "scenario": "fail"},
        {"provider": "fal", "scenario": "fail", "often": True},
    ],
)
def test_plans_that_make_no_sense_are_refused(server: SandboxServer, body: dict[str, object]) -> None:
    assert server.client.post("/control/scenarios", json=body).status_code == 422


def test_markers_that_are_no_scenario_are_only_text(server: SandboxServer) -> None:
    body = {"prompt": "a [sandbox:nonsense] [sandbox:fail@night] [sandbox:slow=soon] kite"}
    accepted = server.client.post(FLUX, json=body, headers=FAL_KEY).json()
    server.advance(20)
    assert server.client.get(accepted["response_url"], headers=FAL_KEY).status_code == 200


def test_settings_can_be_read_and_changed_but_not_the_seed(server: SandboxServer) -> None:
    changed = server.client.patch("/control/settings", json={"image_seconds": 9})
    assert changed.json()["image_seconds"] == 9
    assert server.client.get("/control/settings").json()["image_seconds"] == 9
    for wrong in ({"seed": 2}, {"image_seconds": -1}, {"nonsense": 1}):
        assert server.client.patch("/control/settings", json=wrong).status_code == 422


def test_a_slow_body_arrives_as_time_passes() -> None:
    with SandboxServer(Config()) as real:
        real.plan("linkmodel", "slow_body", value=0.05)
        response = real.client.post(
            "/linkmodel/api/v1/image-generation",
            json={"model": "seedream-4.0", "prompt": "x"},
            headers=LINKMODEL_KEY,
        )
        assert response.json()["code"] == 0
        assert response.elapsed.total_seconds() > 0.04
        assert real.client.post("/control/clock", json={"advance_seconds": 1}).status_code == 409


def test_a_reset_forgets_everything_but_the_signing_keys(server: SandboxServer) -> None:
    keys = server.client.get("/fal/.well-known/jwks.json").json()
    submit(server)
    server.client.post("/callbacks/x", content=b"1")
    server.reset()
    assert (server.submits(), server.invoice(), server.callbacks("x")) == ([], {}, [])
    assert server.client.get("/control/requests").json()["calls"] == []
    server.reset()
    assert server.client.get("/fal/.well-known/jwks.json").json() == keys


def test_a_seed_makes_ids_repeatable() -> None:
    ids = []
    for _ in range(2):
        with SandboxServer(Config(seed=3, jitter=0.5)) as seeded:
            submit(seeded)
            ids.append(seeded.submits()[0]["request_id"])
    assert ids[0] == ids[1]


def test_the_request_log_tells_the_cadence_of_looks(server: SandboxServer) -> None:
    accepted = server.client.post(FLUX, json={"prompt": "x"}, headers=FAL_KEY).json()
    for _ in range(3):
        server.client.get(accepted["status_url"] + "?logs=1", headers=FAL_KEY)
        server.advance(2)
    log = server.client.get("/control/requests").json()
    assert log["cadence"] == {accepted["request_id"]: {"looks": 3, "gaps": [2.0, 2.0]}}
    first, *looks = log["calls"]
    assert (first["method"], first["provider"], first["subject"]) == ("POST", "fal", accepted["request_id"])
    assert [look["status"] for look in looks] == [202, 200, 200]
    assert "logs=" not in str(log)


def test_the_invoice_adds_up_per_provider(server: SandboxServer) -> None:
    submit(server)
    body = {"model": "kling-v3", "prompt": "x"}
    server.client.post("/linkmodel/api/v1/video-generation", json=body, headers=LINKMODEL_KEY)
    server.advance(10)
    invoice = server.client.get("/control/invoice").json()
    assert invoice["totals_nano_usd"] == {"fal": 25_000_000, "linkmodel": 305_000_000}
    assert (invoice["total_nano_usd"], invoice["charged"]) == (330_000_000, 2)
    assert {line["charged"] for line in invoice["lines"]} == {True}


def test_callbacks_are_kept_byte_for_byte_and_answered_as_scripted(server: SandboxServer) -> None:
    script = {"status": 429, "headers": {"Retry-After": "3"}, "count": 1}
    assert server.client.post("/control/callbacks/hook", json=script).status_code == 200
    refused = server.client.post("/callbacks/hook", content=b"\xff\x00", headers={"X-A": "1"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3")
    assert server.client.post("/callbacks/hook", content=b"{}").status_code == 200
    first, second = server.callbacks("hook")
    assert base64.b64decode(first["body_base64"]) == b"\xff\x00"
    assert (first["headers"]["x-a"], first["answered"], second["body"]) == ("1", 429, "{}")
    assert server.callbacks("nobody") == []


def test_submits_can_be_read_for_one_provider(server: SandboxServer) -> None:
    submit(server)
    assert len(server.client.get("/control/submits?provider=fal").json()) == 1
    assert server.client.get("/control/submits?provider=linkmodel").json() == []
