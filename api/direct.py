"""Routes without dependencies, for what is called most.

What the framework would do for them (find the route, solve dependencies, read parameters) costs as much as
all the rest.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
Handler = Callable[[Request, Any], Response | Awaitable[Response]]


class Direct(APIRoute):
    """A route whose function is given the request as it came."""

    def get_route_handler(self) -> Endpoint:
        """The function itself."""
        handler: Endpoint = self.endpoint
        return handler


class Shortcut:
    """Answers the direct routes whose path is fixed, before a route is looked for.

    ``handlers`` are the application's own for what a route raises; what none of them takes is raised on.
    Whatever is not asked for exactly like this goes its way through the framework, to the same function.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], handlers: Mapping[Any, Handler]) -> None:
        self._app = app
        self._handlers: dict[type[Exception], Handler] = {
            kind: handler for kind, handler in handlers.items() if isinstance(kind, type)
        }
        self._handled: Final = tuple(self._handlers)
        self._routes: Final = {
            (method, route.path): route
            for route in routes
            if isinstance(route, Direct) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except self._handled as error:
            handler = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
            answer = handler(request, error)
            response = answer if isinstance(answer, Response) else await answer
        await response(scope, receive, send)
