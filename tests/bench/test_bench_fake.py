"""The providers' double, as its own process: our own adapters find nothing wrong with it."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bench.fake.__main__ import BOOK
from bench.room import providers_at
from bench.world import ROOT
from cli.stack.child import Program
from cli.stack.ports import free_port, listening
from domain.lifecycle import Kind
from outbound.many import PooledWire
from providers.base import Finished, Handle, Observation, Provider, Submission
from providers.registry import REGISTRY
from services.settings import Settings
from tests.support.running import running
from tests.support.until import until

ENDPOINTS = {"fal": "fal-ai/flux/dev", "linkmodel": "seedream-4.0"}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    numbers = ("0.1", "0", "0.05", "0")
    program = Program(
        "fake", (sys.executable, "-m", "bench.fake", str(port), *numbers), {"PYTHONPATH": str(ROOT)}
    )
    with running(program, lambda: listening(port), tmp_path_factory.mktemp("logs")):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("name", ["fal", "linkmodel"])
def test_a_picture_is_made_and_can_be_fetched(fake: str, name: str) -> None:
    provider = adapter(fake, name)
    taken = provider.submit(submission(name))
    handle = Handle(
        taken.request_id,
        Kind.IMAGE,
        ENDPOINTS[name],
        datetime.now(UTC),
        taken.status_url,
        taken.response_url,
        price_nano=taken.price_nano,
    )
    seen: list[Observation] = []

    def finished() -> bool:
        seen.append(asyncio.run(look(provider, handle)))
        return isinstance(seen[-1], Finished)

    until(finished, "the end")
    assert isinstance(seen[-1], Finished)
    [output] = seen[-1].outputs
    assert httpx.get(output.url, timeout=60, trust_env=False).content.startswith(b"\x89PNG")


def test_what_was_taken_is_on_its_book_with_its_times(fake: str) -> None:
    provider = adapter(fake, "fal")
    taken = provider.submit(submission("fal", prompt="on the book"))
    [made] = [
        one
        for one in httpx.get(f"{fake}{BOOK}", timeout=60, trust_env=False).json()["made"]
        if one["id"] == taken.request_id
    ]
    assert made["prompt"] == "on the book"
    assert made["arrived"] < made["ends"]


def adapter(fake: str, name: str) -> Provider:
    told = {
        variable.removeprefix("DARKROOM_").lower(): value for variable, value in providers_at(fake).items()
    }
    made = REGISTRY[name](Settings(_env_file=None, data_dir=Path("unused"), **told))  # type: ignore[arg-type]
    assert made is not None
    return made.provider


def submission(name: str, prompt: str = "a red kite") -> Submission:
    return Submission("token", Kind.IMAGE, ENDPOINTS[name], {"prompt": prompt})


async def look(provider: Provider, handle: Handle) -> Observation:
    async with PooledWire() as wire:
        return await provider.look(handle, wire)
