"""The files that were made: known by key, drawn when first wanted, kept in bounded memory."""

import asyncio
from collections import OrderedDict
from typing import Final

from sandbox.media.pictures import render_picture
from sandbox.media.spec import MediaSpec
from sandbox.media.videos import render_video

_CACHE_BYTES: Final = 64 * 1024 * 1024


class MediaStore:
    """Specs by key, and the bytes of the ones that were asked for last."""

    def __init__(self, cache_bytes: int = _CACHE_BYTES) -> None:
        self._specs: dict[str, MediaSpec] = {}
        self._failed_once: set[str] = set()
        self._cache: OrderedDict[MediaSpec, bytes] = OrderedDict()
        self._room = cache_bytes
        self._drawing = asyncio.Lock()

    def add(self, key: str, spec: MediaSpec) -> None:
        """Register a file; nothing is drawn yet."""
        self._specs[key] = spec.disguised() if "media_wrong_type" in spec.faults else spec

    def get(self, key: str) -> MediaSpec | None:
        """What is behind a key; None where there never was anything, or no longer is."""
        return self._specs.get(key)

    def remove(self, key: str) -> bool:
        """Forget a file; whether there was one."""
        return self._specs.pop(key, None) is not None

    def first_time(self, key: str) -> bool:
        """Whether this is the first call for a key; for faults that strike once."""
        first = key not in self._failed_once
        self._failed_once.add(key)
        return first

    async def content(self, spec: MediaSpec) -> bytes:
        """The file's bytes, drawn off the event loop, one file at a time so that a core stays free."""
        async with self._drawing:
            content = self._cache.pop(spec, None)
            if content is None:
                content = await asyncio.to_thread(render_video if spec.is_video else render_picture, spec)
                self._room -= len(content)
            self._cache[spec] = content
            while self._room < 0 and len(self._cache) > 1:
                self._room += len(self._cache.popitem(last=False)[1])
            return content
