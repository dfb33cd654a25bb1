"""All of the fal emulator, put together: what to mount, and what to close."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.core import Core
from sandbox.fal.book import FalBook
from sandbox.fal.platform import Platform
from sandbox.fal.queue import Queue
from sandbox.fal.webhooks import WebhookSender
from sandbox.media.serving import serve
from sandbox.wire import ExactJson


class Fal:
    """One fal account."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.book = FalBook(core)
        self.webhooks = WebhookSender(core, self.book)

    def routes(self) -> list[BaseRoute]:
        """Queue, Platform API, public keys and generated files."""
        return [
            *Queue(self._core, self.book, self.webhooks).routes(),
            *Platform(self.book).routes(),
            Route("/fal/.well-known/jwks.json", self._jwks),
            Route("/fal/files/b/{key}/{name}", self._file),
        ]

    def resume(self) -> None:
        """Go on with what an earlier process had begun; to be called on the event loop."""
        self.webhooks.resume()

    async def close(self) -> None:
        """Stop delivering webhooks."""
        await self.webhooks.close()

    async def _jwks(self, _: Request) -> Response:
        return ExactJson(self.webhooks.signer.jwks())

    async def _file(self, request: Request) -> Response:
        return await serve(self._core.media, request.path_params["key"])
