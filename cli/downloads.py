"""Downloading a job's files: streamed to the disk, and checked against the SHA-256 that the job names."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cli.client import Client
from cli.errors import Failed, Misused
from cli.output import Output
from outbound.signatures import extension

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.5
_CHUNK_BYTES: Final = 1024 * 1024
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)

Advance = Callable[[int], object]


def download_all(
    client: Client, job: Mapping[str, Any], folder: Path, output: Output, *, name: str | None = None
) -> list[Path]:
    """Every file of ``job`` in ``folder``, as ``<job>-<n>.<extension>``, or under a ``name`` of its own.

    A file that is there already with the right bytes is left alone.

    Raises:
        Misused: the folder cannot be written.
        Failed: a file could not be fetched whole.
    """
    assets = job["assets"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _progress(output) as progress:
            task = progress.add_task("downloading", total=sum(asset["bytes"] for asset in assets))
            paths = _paths(folder, name, job["id"], assets)
            for asset, path in zip(assets, paths, strict=True):
                _download(client, asset, path, lambda done: progress.advance(task, done))
    except OSError as error:
        raise Misused(f"{folder} cannot be written ({error.strerror}): name another --out folder") from error
    return paths


def _paths(folder: Path, name: str | None, job_id: str, assets: Sequence[Mapping[str, Any]]) -> list[Path]:
    if name is not None and len(assets) == 1:
        return [folder / f"{name}.{extension(assets[0]['content_type'])}"]
    return [
        folder / f"{name or job_id}-{n}.{extension(asset['content_type'])}" for n, asset in enumerate(assets)
    ]


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, console=output.err, transient=True, disable=not output.lively)


def _download(client: Client, asset: Mapping[str, Any], path: Path, advance: Advance) -> None:
    if path.exists() and _sha256(path) == asset["sha256"]:
        advance(asset["bytes"])
        return
    draft = path.with_name(f".{path.name}.part")
    try:
        _fetch(client, asset, draft, advance)
        found = _sha256(draft)
        if found != asset["sha256"]:
            raise Failed(
                f"{path.name} arrived with SHA-256 {found}, the job says {asset['sha256']}: it is not kept"
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _fetch(client: Client, asset: Mapping[str, Any], draft: Path, advance: Advance) -> None:
    """Try a few times, each with a newly signed link."""
    for left in reversed(range(_TRIES)):
        try:
            _stream(client.location(asset["url"]), draft, advance)
        except httpx.HTTPError as error:
            if not left:
                raise Failed(f"{asset['url']} could not be downloaded: {_reason(error)}") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _stream(link: str, draft: Path, advance: Advance) -> None:
    # The link is signed; the key stays here, for it leads to another host.

    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=True, trust_env=False) as http,
        http.stream("GET", link) as response,
        draft.open("wb") as file,
    ):
        response.raise_for_status()
        for chunk in response.iter_bytes(_CHUNK_BYTES):
            file.write(chunk)
            advance(len(chunk))


def _reason(error: httpx.HTTPError) -> str:
    """What went wrong without the link: it is signed, and whoever has it has the file."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the store answered {error.response.status_code}"
    return f"the transfer broke off ({type(error).__name__})"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
