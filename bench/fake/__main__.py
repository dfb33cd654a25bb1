"""The process: ``python -m bench.fake PORT MEAN SIGMA STARTS SUBMIT`` serves both providers on loopback."""

import asyncio
import base64
import json
import random
import sys
from typing import Final

import uvloop

from bench.fake.book import Book, Times
from bench.fake.fal import Fal
from bench.fake.http import Answer, Connection, Request
from bench.fake.linkmodel import LinkModel
from bench.fake.webhooks import JWKS, Webhooks

BOOK: Final = "/control/book"
# The smallest picture there is: one grey pixel in 67 bytes.
_PNG: Final = Answer(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
    ),
    content_type=b"image/png",
)
_NOTHING: Final = Answer(b'{"detail":"there is nothing here"}', 404)


class Front:
    """Which part answers what."""

    def __init__(self, book: Book, base: str) -> None:
        self._book = book
        self._webhooks = Webhooks()
        self._fal = Fal(book, base, self._webhooks.watch)
        self._linkmodel = LinkModel(book, base)

    def answer(self, request: Request) -> Answer:
        """The answer to any request."""
        if request.path.startswith("/media/"):
            return _PNG
        if request.path == BOOK:
            return self._shown()
        if request.path == JWKS:
            return Answer(self._webhooks.jwks())
        return self._fal.answer(request) or self._linkmodel.answer(request) or _NOTHING

    def _shown(self) -> Answer:
        made = [one.shown() for one in self._book.made.values()]
        return Answer(json.dumps({"made": made, "calls": self._book.calls}).encode())


async def serve(port: int, times: Times) -> None:
    """Serve until the process is ended."""
    front = Front(Book(times, random.Random(20_261_122)), f"http://127.0.0.1:{port}")  # noqa: S311 - the same run again
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(front.answer), "127.0.0.1", port, backlog=4096
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    mean, sigma, starts, submit = (float(text) for text in sys.argv[2:])
    uvloop.run(serve(int(sys.argv[1]), Times(mean, sigma, starts, submit)))
