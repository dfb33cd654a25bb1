"""Batches through real processes: killed in the middle, short of money, and summed up against the invoice."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli.stack.console import Console
from cli.stack.ports import free_port
from cli.stack.stack import Stack
from domain.money import parse_usd
from services.settings import Settings
from tests.acceptance.world import World
from tests.support.until import until

pytestmark = pytest.mark.timeout(400)

_KITES = 60


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Darkroom on embedded parts and its own sandbox, which knows what it charges."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("batches"),
        port=free_port(),
        flower_port=free_port(),
    )
    running = Stack(settings, Console(io.StringIO()))
    running.start()
    try:
        running.wait_ready()
        key = running.folder.api_key.read_text(encoding="utf-8").strip()
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(
            base_url=running.url, headers=headers, timeout=75, trust_env=False, limits=limits
        ) as client:
            yield World(None, running, client)  # type: ignore[arg-type] # the sandbox stands for all of it
    finally:
        running.stop()


def upload(world: World, text: str, **fields: str) -> dict[str, Any]:
    answer = world.client.post(
        "/v1/batches", content=text.encode(), params=fields, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def shown(world: World, batch_id: str) -> dict[str, Any]:
    return dict(world.client.get(f"/v1/batches/{batch_id}").raise_for_status().json())


def results(world: World, batch_id: str) -> list[dict[str, str]]:
    text = world.client.get(f"/v1/batches/{batch_id}/results.csv").raise_for_status().text
    return list(csv.DictReader(io.StringIO(text)))


def charged(world: World) -> int:
    """What the sandbox has charged for everything so far."""
    port = (world.stack.folder.root / "sandbox" / "port").read_text().strip()
    told = httpx.get(f"http://127.0.0.1:{port}/control/invoice", timeout=60, trust_env=False).json()
    return sum(line["nano_usd"] for line in told["lines"])


def ended(world: World, batch_id: str, seconds: float = 180) -> dict[str, Any]:
    over = {"completed", "canceled", "failed"}
    until(lambda: shown(world, batch_id)["state"] in over, "the end of the batch", seconds)
    return shown(world, batch_id)


def sheet(count: int, first: int = 0) -> str:
    rows = "".join(f"r{n},kite {n},shelf {n % 7}\n" for n in range(first, first + count))
    return f"row_id,Prompt ,shelf\n{rows}"


def test_a_batch_whose_reader_and_workers_are_killed_runs_each_row_once(stack: World) -> None:
    before = charged(stack)
    text = sheet(_KITES) + "r3,the same row id,\n,,\nr-bad,,no prompt\n"
    batch = upload(stack, text, model="flux-schnell")
    # Whoever reads files stands back for those who send and fetch.
    niceness = [os.getpriority(os.PRIO_PROCESS, stack.process(name)) for name in ("batches", "submits")]
    assert niceness == [10, 0]
    for name in ("batches", "worker", "submits", "watcher"):
        stack.kill(name)
    over = ended(stack, batch["id"], 240)
    assert (over["state"], over["good_rows"], over["bad_rows"]) == ("completed", _KITES, 2)
    found = results(stack, batch["id"])
    assert [row["row_id"] for row in found] == [f"r{n}" for n in range(_KITES)]
    assert [row["shelf"] for row in found] == [f"shelf {n % 7}" for n in range(_KITES)]
    counts = Counter(row["status"] for row in found)
    # What was on the wire when its worker was killed may still be looked for.
    assert counts["succeeded"] + counts["review"] == _KITES
    assert counts["succeeded"] > 0
    assert len({row["job_id"] for row in found}) == _KITES
    assert over["spent"]["nano_usd"] == sum(_nano(row["cost_usd"]) for row in found)
    assert over["spent"]["nano_usd"] <= charged(stack) - before


def test_what_a_batch_spent_is_what_was_charged_for_it(stack: World) -> None:
    before = charged(stack)
    batch = upload(stack, sheet(20, 500), model="flux-schnell")
    over = ended(stack, batch["id"])
    assert over["counts"]["succeeded"] == 20
    assert over["spent"]["nano_usd"] == charged(stack) - before > 0
    assert over["held"]["nano_usd"] == 0


def test_a_batch_stops_when_its_budget_is_spent_and_goes_on_with_a_larger_one(stack: World) -> None:
    quoted = stack.client.post(
        "/v1/batches",
        content=sheet(10, 900).encode(),
        params={"model": "flux-schnell", "dry_run": "true"},
        headers={"Content-Type": "text/csv"},
    ).raise_for_status()
    high = quoted.json()["estimate"]["high"]["nano_usd"]
    assert quoted.json()["good_rows"] == 10
    budget = f"{high * 45 // 100 / 1e9:.9f}"
    batch = upload(stack, sheet(10, 900), model="flux-schnell", budget_usd=budget)
    until(lambda: shown(stack, batch["id"])["state"] == "paused", "the end of the money", 120)
    paused = shown(stack, batch["id"])
    assert paused["reason"] == "budget"
    assert paused["spent"]["nano_usd"] <= high * 45 // 100
    assert 0 < paused["counts"]["succeeded"] < 10
    stack.client.patch(f"/v1/batches/{batch['id']}", json={"budget_usd": "5"}).raise_for_status()
    assert ended(stack, batch["id"])["counts"]["succeeded"] == 10


def _nano(usd: str) -> int:
    return parse_usd(usd) if usd else 0
