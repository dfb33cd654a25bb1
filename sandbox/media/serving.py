"""Answering a download: the file as it is, or as its faults have it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from sandbox.connection import Cut
from sandbox.faults import PAGE
from sandbox.media.spec import MediaSpec
from sandbox.media.store import MediaStore
from sandbox.scenarios import Step

_CHUNK: Final = 64 * 1024
_BOX_HEAD: Final = 16
_SLOW_PIECES: Final = 20
_SLOW_SECONDS: Final = 5.0
_IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000"}


async def serve(store: MediaStore, key: str) -> Response:
    """The response to a GET of the file behind ``key``; 404 where there is none."""
    spec = store.get(key)
    if spec is None:
        return PlainTextResponse("no such file", 404)
    return _instead(store, key, spec) or _delivered(spec, await store.content(spec))


def _instead(store: MediaStore, key: str, spec: MediaSpec) -> Response | None:
    """What a fault answers in place of the file."""
    if "media_404" in spec.faults:
        return PlainTextResponse("no such file", 404)
    if "media_500_once" in spec.faults and store.first_time(key):
        return PlainTextResponse("the sandbox was told to fail once", 500)
    if "media_html" in spec.faults:
        return HTMLResponse(PAGE)
    if target := spec.faults.get("media_redirect"):
        return RedirectResponse(target, 302)
    return None


def _delivered(spec: MediaSpec, content: bytes) -> Response:
    if "media_slow" in spec.faults:
        pieces = _slowly(content, Step("media_slow", spec.faults["media_slow"]).number(_SLOW_SECONDS))
        headers = {"Content-Length": str(len(content)), **_IMMUTABLE}
        return StreamingResponse(pieces, media_type=spec.content_type, headers=headers)
    if "media_truncated" in spec.faults:
        return Cut(content[: len(content) // 2], len(content), spec.content_type)
    size = spec.faults.get("media_size") or ""
    if not size.isdecimal() or int(size) < len(content) + _BOX_HEAD:
        return Response(content, media_type=spec.content_type, headers=_IMMUTABLE)
    padding = _padding(content, int(size), is_video=spec.is_video)
    headers = {"Content-Length": size, **_IMMUTABLE}
    return StreamingResponse(padding, media_type=spec.content_type, headers=headers)


async def _slowly(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    """The file in pieces, the last of them after so many real seconds."""
    size = -(-len(content) // _SLOW_PIECES)
    for start in range(0, len(content), size):
        await asyncio.sleep(seconds / _SLOW_PIECES)
        yield content[start : start + size]


def _padding(content: bytes, size: int, *, is_video: bool) -> Iterator[bytes]:
    """The file and then zeros up to ``size``: for MP4 inside a ``free`` box, so that players skip them."""
    yield content
    left = size - len(content)
    if is_video:
        # Length 1 says that the real one follows in 64 bits (ISO/IEC 14496-12, 4.2).
        yield (1).to_bytes(4, "big") + b"free" + left.to_bytes(8, "big")
        left -= _BOX_HEAD
    zeros = bytes(_CHUNK)
    while left > 0:
        yield zeros[: min(left, _CHUNK)]
        left -= _CHUNK
