"""The comparison that Darkroom was conceived from, run anew: real jobs on the sandbox at its prices."""

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Final

from cli.client import Client
from cli.comparing import show
from cli.comparing_chart import picture
from cli.configuration import read_settings
from cli.demo.ground import ground
from cli.demo.money import compare
from cli.demo.progress import follow
from cli.demo.truth import Truth
from cli.errors import FAILED
from cli.output import Output
from cli.stack.ports import free_port
from cli.submit import send_once
from domain.lifecycle import JobStatus
from services.settings import Settings

_KLING_AT_FAL: Final = "fal-ai/kling-video/v3/standard/text-to-video"
_CHARGED: Final[Mapping[str, Any]] = {
    "linkmodel_prices": {"kling-v3": "0.061", "gpt-image-2": "0.05"},
    # One generation is billed with more of these units the higher the load is.
    "fal_prices": {_KLING_AT_FAL: "0.01", "fal-ai/gpt-image-2": "0.94"},
    "image_seconds": 0.4,
    "video_seconds": 1.0,
}
# Cents for a generation at fal, from an idle hour to a busy one.
_LOAD: Final = (8, 8, 10, 12, 13, 13, 14, 14, 14, 14)
_IMAGES: Final = 10
_MONTHS: Final = (("kling-v3", 1000), ("gpt-image-2", 10_000))

Job = dict[str, Any]


def comparison(output: Output) -> int:
    """Run the jobs on a Darkroom of its own, show what they cost, and draw it here; the exit code.

    Raises:
        CliError: it could not be played to its end.
    """
    prices = files("cli.demo").joinpath("comparison.toml")
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-comparison-") as folder,
        as_file(prices) as overlay,
        ground(_apart(read_settings(), Path(folder), overlay), output) as place,
        Client(place.connection) as client,
        Truth(place.sandbox_url) as truth,
    ):
        truth.change(_CHARGED)
        jobs = follow(client, _send(client), output, place.check)
        found = [client.get("/v1/costs/compare", {"model": model, "monthly": n}) for model, n in _MONTHS]
        bill = compare(jobs, truth.invoice())
    if output.as_json:
        output.json(found)
    for one in found:
        if not output.as_json:
            show(output, one)
            output.line()
        drawn = Path(f"compare-{one['models'][0]}.png")
        drawn.write_bytes(picture(one, "png"))
        output.note(f"drawn to {drawn}")
    ended = sum(job["status"] == JobStatus.SUCCEEDED for job in jobs)
    output.note(f"{ended} of {len(jobs)} jobs succeeded; {bill.finding.promise}: {_word(bill.finding.kept)}")
    return 0 if bill.finding.kept and ended == len(jobs) else FAILED


def _apart(settings: Settings, folder: Path, overlay: Path) -> Settings:
    """Settings for a Darkroom beside any that runs: on ports and in a folder of its own."""
    own = {"port": free_port(), "flower_port": free_port(), "data_dir": folder, "catalogue": overlay}
    return settings.model_copy(update={**own, "url": None, "api_key": None})


def _send(client: Client) -> list[Job]:
    run = uuid.uuid4().hex
    return [
        send_once(client, body, f"comparison-{run}-{number}").body for number, body in enumerate(_bodies())
    ]


def _bodies() -> Iterator[Job]:
    """The jobs in turns, so that both providers are at work all the time."""
    videos = (_body("kling-v3", "linkmodel", "") for _ in _LOAD)
    loaded = (_body("kling-v3", "fal", f" [sandbox:units={cents}]", duration=5) for cents in _LOAD)
    images = (_body("gpt-image-2", "linkmodel", "") for _ in range(_IMAGES))
    dear = (_body("gpt-image-2", "fal", "") for _ in range(_IMAGES))
    turns = zip_longest(videos, loaded, images, dear)
    return (body for body in chain.from_iterable(turns) if body is not None)


def _body(model: str, provider: str, direction: str, **inputs: Any) -> Job:  # noqa: ANN401 - as the API has it
    return {
        "model": model,
        "input": {"prompt": f"a red kite over dunes{direction}", **inputs},
        "routing": {"provider": provider, "fallback": False},
        "tags": {"scene": f"{model} at {provider}"},
    }


def _word(kept: bool) -> str:  # noqa: FBT001 - a finding's own word
    return "yes" if kept else "no"
