"""Fetching the demo's files under natural names, and proving that each one can be looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import Client
from cli.demo.findings import Finding
from cli.downloads import download_all
from cli.errors import Failed
from cli.output import Output
from domain.lifecycle import JobStatus, Kind
from outbound.media import NotMedia, probe
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Saved:
    """The copies that were made, and whether all of them are what the jobs say."""

    paths: tuple[Path, ...]
    finding: Finding


def save(client: Client, jobs: Iterable[Mapping[str, Any]], folder: Path, output: Output) -> Saved:
    """Copy every file of the jobs that succeeded into ``folder`` and look into it."""
    paths: list[Path] = []
    deviations: list[str | None] = []
    for job in jobs:
        if job["status"] != JobStatus.SUCCEEDED:
            continue
        try:
            found = download_all(client, job, folder, output, name=job["tags"]["scene"])
        except Failed as error:
            deviations.append(str(error))
            continue
        paths += found
        pairs = zip(found, job["assets"], strict=True)
        deviations += [_deviation(path, asset, Kind(job["kind"])) for path, asset in pairs]
    return Saved(tuple(paths), Finding.of(f"{len(paths)} files arrived whole and play", deviations))


def stored_in(settings: Settings) -> str:
    """Where Darkroom itself keeps the files."""
    if settings.s3_bucket is not None:
        return f"the bucket {settings.s3_bucket}"
    return str(settings.data_dir.expanduser().resolve() / "objects")


def _deviation(path: Path, asset: Mapping[str, Any], kind: Kind) -> str | None:
    try:
        media = probe(path, kind)
    except NotMedia as error:
        return f"{path.name} does not play: {error}"
    found = (media.content_type, media.width, media.height)
    told = (asset["content_type"], asset["width"], asset["height"])
    return None if found == told else f"{path.name} is {_shape(*found)}, the job says {_shape(*told)}"


def _shape(content_type: str, width: int | None, height: int | None) -> str:
    return f"{content_type} of {width}x{height}"
