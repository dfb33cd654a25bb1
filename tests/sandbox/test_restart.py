"""A sandbox on a folder after kill -9: the next one on the folder goes on as if nothing had been."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.archive import dumps, loads
from sandbox.config import Config
from sandbox.testing import ADMIN_KEY, FAL_KEY, LINKMODEL_KEY, SandboxServer
from tests.sandbox.process import SandboxProcess
from tests.support.until import until

_APP = "/fal/queue/fal-ai/flux/requests"
_FAL_PROMPTS = (
    "a kite",
    "[sandbox:moderation]",
    "[sandbox:fail]",
    "[sandbox:no_units]",
    "[sandbox:regression][sandbox:slow=40]",
    "[sandbox:cold=500]",
    "[sandbox:queue=300]",
    "[sandbox:stuck]",
    "[sandbox:stuck=running]",
    "[sandbox:nsfw]",
    "[sandbox:billing_unpriced]",
)
_LINKMODEL_PROMPTS = (
    "a kite",
    "[sandbox:fail]",
    "[sandbox:fail=charged]",
    "[sandbox:cancelled]",
    "[sandbox:unknown_status]",
    "[sandbox:slow=40]",
    "[sandbox:pending=500]",
    "[sandbox:stuck]",
)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "kept", "--manual-clock") as running:
        yield running


def everything(sandbox: SandboxProcess, fal_ids: list[str], tasks: list[str]) -> dict[str, Any]:
    """All that can be asked of either account, without the ids that each answer has of its own."""
    results = [sandbox.client.get(f"{_APP}/{one}", headers=FAL_KEY) for one in fal_ids]
    platform = "/fal/platform/v1/models"
    return {
        "statuses": [sandbox.get(f"{_APP}/{one}/status?logs=1") for one in fal_ids],
        "results": [(one.status_code, one.content) for one in results],
        "units": [one.headers.get("x-fal-billable-units") for one in results],
        "tasks": [sandbox.task(one) for one in tasks],
        "listed": sandbox.get(f"{platform}/requests/by-endpoint?endpoint_id=fal-ai/flux/dev&expand=payloads"),
        "events": sandbox.get(f"{platform}/billing-events"),
        "usage": sandbox.get(f"{platform}/usage?expand=summary"),
        "keys": sandbox.get("/fal/.well-known/jwks.json"),
        "invoice": sandbox.get("/control/invoice"),
        "submits": sandbox.get("/control/submits"),
        "settings": sandbox.get("/control/settings"),
        "received": sandbox.get("/callbacks/mine"),
    }


def test_every_request_in_every_state_is_as_it_was_and_goes_on(sandbox: SandboxProcess) -> None:
    fal_ids = [sandbox.fal(prompt)["request_id"] for prompt in _FAL_PROMPTS]
    tasks = [sandbox.linkmodel(prompt) for prompt in _LINKMODEL_PROMPTS]
    waiting, running, gone = (sandbox.fal(f"{name} [sandbox:slow=300]") for name in "abc")
    sandbox.client.put(urlsplit(waiting["cancel_url"]).path, headers=FAL_KEY).raise_for_status()
    sandbox.advance(5)
    sandbox.client.put(urlsplit(running["cancel_url"]).path, headers=FAL_KEY).raise_for_status()
    sandbox.client.put(urlsplit(gone["cancel_url"]).path, headers=FAL_KEY).raise_for_status()
    fal_ids += [one["request_id"] for one in (waiting, running, gone)]
    erased = f"/fal/platform/v1/models/requests/{fal_ids[0]}/payloads"
    assert sandbox.fal("kept as it is")
    sandbox.client.post("/callbacks/mine", content=b"\xff\x00").raise_for_status()
    changes = {"linkmodel_balance_usd": "3.5", "linkmodel_charge_failed": True}
    sandbox.client.patch("/control/settings", json=changes).raise_for_status()
    sandbox.client.request("DELETE", erased, headers=ADMIN_KEY).raise_for_status()

    before = everything(sandbox, fal_ids, tasks)
    sandbox.restart()
    assert everything(sandbox, fal_ids, tasks) == before
    states = [one["status"] for one in before["statuses"]]
    assert {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"} == set(states)
    assert {"Pending", "Processing", "Success", "Failed"} < {one["status"] for one in before["tasks"]}

    sandbox.advance(60)
    later = everything(sandbox, fal_ids, tasks)
    assert later["statuses"][4]["status"] == "COMPLETED"
    assert later["tasks"][5]["status"] == "Success"
    sandbox.restart()
    assert everything(sandbox, fal_ids, tasks) == later


def test_links_to_files_lead_to_the_same_files(sandbox: SandboxProcess) -> None:
    request_id, task_id = sandbox.fal("a kite")["request_id"], sandbox.linkmodel("a kite")
    sandbox.advance(5)
    links = [sandbox.get(f"{_APP}/{request_id}")["images"][0]["url"], *sandbox.task(task_id)["output_images"]]
    before = [sandbox.client.get(link).raise_for_status().content for link in links]
    sandbox.restart()
    assert [sandbox.client.get(link).raise_for_status().content for link in links] == before


def test_on_another_port_every_link_leads_to_that_port(sandbox: SandboxProcess) -> None:
    request_id, task_id = sandbox.fal("a kite")["request_id"], sandbox.linkmodel("a kite")
    sandbox.advance(5)
    sandbox.kill()
    sandbox.move()
    sandbox.start()
    status = sandbox.get(f"{_APP}/{request_id}/status")
    link = sandbox.get(f"{_APP}/{request_id}")["images"][0]["url"]
    for url in (status["status_url"], status["response_url"], link, *sandbox.task(task_id)["output_images"]):
        assert url.startswith(f"{sandbox.url}/")
        assert sandbox.client.get(url, headers=FAL_KEY).is_success


def test_what_ends_while_no_process_runs_has_ended_then(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path, "--image-seconds", "0.2") as sandbox:
        request_id = sandbox.fal("a kite")["request_id"]
        sandbox.restart()
        until(
            lambda: sandbox.get(f"{_APP}/{request_id}/status")["status"] == "COMPLETED", "the request's end"
        )
        path = "/fal/platform/v1/models/requests/by-endpoint?endpoint_id=fal-ai/flux/dev"
        (row,) = sandbox.get(path)["items"]
    took = datetime.fromisoformat(row["ended_at"]) - datetime.fromisoformat(row["sent_at"])
    assert took == timedelta(seconds=0.2)


@pytest.mark.parametrize("torn", ["cut", "garbled"])
def test_a_torn_last_write_takes_nothing_else_with_it(sandbox: SandboxProcess, torn: str) -> None:
    request_id, task_id = sandbox.fal("a kite")["request_id"], sandbox.linkmodel("a kite")
    sandbox.fal("the last one")
    sandbox.kill()
    (log,) = sandbox.folder.glob("*.sqlite-wal")
    content = log.read_bytes()
    log.write_bytes(content[:-100] if torn == "cut" else content + b"\x07" * 3000)
    sandbox.start()
    assert sandbox.get(f"{_APP}/{request_id}/status")["request_id"] == request_id
    assert sandbox.task(task_id)["task_id"] == task_id
    assert sandbox.fal("one more")["request_id"]


def test_a_webhook_that_is_still_to_be_sent_is_sent_by_the_next_process(sandbox: SandboxProcess) -> None:
    hook = f"{sandbox.url}/callbacks/hook"
    request_id = sandbox.fal("a kite", fal_webhook=hook)["request_id"]
    sandbox.restart()
    sandbox.advance(5)
    until(lambda: sandbox.get("/callbacks/hook"), "the webhook")
    (received,) = sandbox.get("/callbacks/hook")
    body = json.loads(received["body"])
    assert (body["request_id"], body["status"]) == (request_id, "OK")


def test_a_webhook_that_was_taken_is_not_sent_again(tmp_path: Path) -> None:
    config = Config(manual_clock=True, public_url="http://127.0.0.1")
    with SandboxServer(config, tmp_path) as first:
        record = first.app.sandbox.fal.book.get(submit(first, "a kite"))
        assert record is not None
        first.advance(5)
        until(lambda: record.told, "the end of the delivery")
    with SandboxServer(config, tmp_path) as second:
        again = second.app.sandbox.fal.book.get(record.id)
        assert again is not None
        assert again.told
        assert len(second.callbacks("hook")) == 1


def test_an_orderly_stop_keeps_as_much_as_a_kill(tmp_path: Path) -> None:
    config = Config(manual_clock=True)
    with SandboxServer(config, tmp_path) as first:
        made = [create(first, prompt) for prompt in ("a kite", "[sandbox:fail]", "[sandbox:slow=60]")]
        running, erased = (submit(first, prompt) for prompt in ("[sandbox:slow=60]", "a kite"))
        first.advance(10)
        path = f"/fal/platform/v1/models/requests/{erased}/payloads"
        first.client.request("DELETE", path, headers=ADMIN_KEY).raise_for_status()
        before, left = first.invoice(), first.app.sandbox.linkmodel.book.balance_nano
        links = asked(first, made[0])["output_images"]
    with SandboxServer(config, tmp_path) as second:
        assert second.invoice() == before
        assert second.app.sandbox.linkmodel.book.balance_nano == left
        assert asked(second, made[0])["output_images"] == links
        assert second.client.get(urlsplit(links[0])._replace(scheme="", netloc="").geturl()).is_success
        assert not second.invoice()[running]["final"]
        assert second.client.get(f"{_APP}/{erased}", headers=FAL_KEY).status_code == 404
        second.reset()
    with SandboxServer(config, tmp_path) as third:
        assert third.invoice() == {}


def test_a_reset_is_for_good_but_keys_and_settings_stay(sandbox: SandboxProcess) -> None:
    request_id = sandbox.fal("a kite")["request_id"]
    keys = sandbox.get("/fal/.well-known/jwks.json")
    for changes in ({"image_seconds": 9}, {"cold_seconds": 2}):
        sandbox.client.patch("/control/settings", json=changes).raise_for_status()
    sandbox.client.post("/control/reset").raise_for_status()
    sandbox.restart()
    assert sandbox.client.get(f"{_APP}/{request_id}/status", headers=FAL_KEY).status_code == 404
    assert sandbox.get("/control/submits") == []
    assert sandbox.get("/fal/.well-known/jwks.json") == keys
    assert {"image_seconds": 9, "cold_seconds": 2}.items() <= sandbox.get("/control/settings").items()


def test_what_ended_more_than_a_week_ago_is_dropped_at_the_next_start(sandbox: SandboxProcess) -> None:
    old = sandbox.fal("a kite")["request_id"]
    long = sandbox.fal(f"[sandbox:slow={9 * 86_400}]")["request_id"]
    sandbox.advance(8 * 86_400)
    new = sandbox.fal("a kite")["request_id"]
    sandbox.restart()
    assert [line["request_id"] for line in sandbox.get("/control/invoice")["lines"]] == [long, new]
    assert old not in (long, new)


def test_a_seed_gives_other_ids_after_a_restart(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path, "--seed", "7") as sandbox:
        first = sandbox.fal("a kite")["request_id"]
        sandbox.restart()
        assert sandbox.fal("a kite")["request_id"] != first
        assert len(sandbox.get("/control/submits")) == 2


def test_a_folder_in_use_or_damaged_is_named(sandbox: SandboxProcess, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "sandbox-1.sqlite").write_bytes(b"no database" * 100)
    for folder in (sandbox.folder, tmp_path / "damaged"):
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--folder", str(folder)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"the folder {folder} cannot be used")


def submit(server: SandboxServer, prompt: str) -> str:
    """A request id of fal's, with a webhook to the server itself."""
    path, params = "/fal/queue/fal-ai/flux/dev", {"fal_webhook": f"{server.url}/callbacks/hook"}
    answer = server.client.post(path, params=params, json={"prompt": prompt}, headers=FAL_KEY)
    request_id: str = answer.raise_for_status().json()["request_id"]
    return request_id


def create(server: SandboxServer, prompt: str) -> str:
    """A task id of LinkModel's."""
    path, body = "/linkmodel/api/v1/image-generation", {"model": "seedream-4.5", "prompt": prompt}
    answer = server.client.post(path, json=body, headers=LINKMODEL_KEY).raise_for_status().json()
    task_id: str = answer["data"]["task_id"]
    return task_id


def asked(server: SandboxServer, task_id: str) -> dict[str, Any]:
    """What LinkModel says of a task."""
    path = f"/linkmodel/api/v1/query/image-generation?task_id={task_id}"
    data: dict[str, Any] = server.client.get(path, headers=LINKMODEL_KEY).json()["data"]
    return data


_ARGUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), _ARGUMENTS, max_size=3))
def test_a_row_comes_back_as_it_was(content: dict[str, Any]) -> None:
    assert repr(loads(dumps(content))) == repr(content)


def test_digits_are_kept_and_what_has_no_form_is_refused() -> None:
    huge = Decimal("1E+90000")
    assert loads(dumps({"a": huge, "b": Decimal("1.50")})) == {"a": huge, "b": Decimal("1.50")}
    with pytest.raises(TypeError, match="object has no form"):
        dumps({"a": object()})
