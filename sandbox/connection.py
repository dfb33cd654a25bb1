"""Closing a connection without an answer, or in the middle of one."""

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

_DROP = "sandbox.drop"


def install(scope: Scope, send: Send) -> None:
    """Remember how to close this request's connection; ``send`` must be the server's own."""
    # uvicorn offers no way to hang up, but its send is a method of the object that holds the transport.
    scope[_DROP] = getattr(getattr(send, "__self__", None), "transport", None)


async def drop(scope: Scope, receive: Receive) -> None:
    """Send what was written so far, hang up, and return when the server has seen it.

    Raises:
        ConnectionResetError: there is no connection, as when an app is called in-process.
    """
    transport = scope.get(_DROP)
    if transport is None:
        raise ConnectionResetError("the sandbox dropped this request")
    transport.close()
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


class Dropped(Response):
    """No answer at all: the connection closes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Hang up."""
        await drop(scope, receive)


class Cut(Response):
    """An answer that announces more bytes than it sends before the connection closes."""

    def __init__(self, body: bytes, announced: int, media_type: str) -> None:
        super().__init__(body, media_type=media_type, headers={"content-length": str(announced)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and what there is, then hang up."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await drop(scope, receive)
