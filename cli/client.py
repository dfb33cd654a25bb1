"""The HTTP client of the command line: one request, one JSON answer, and errors in plain words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import httpx

from cli.connection import Connection
from cli.errors import NoAnswer, Unreachable
from cli.refusals import refusal

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 30.0
# Every row of a sheet is looked at before its upload is answered.
_SHEET_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its JSON, and its headers by any case."""

    body: Any
    headers: Mapping[str, str]


class Client:
    """Asks one Darkroom; the constructor and every call raise Unreachable, NoAnswer or Refused."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        with self._translated():
            self._http = httpx.Client(
                base_url=connection.url,
                headers={"Authorization": f"Bearer {connection.key}"} if connection.key else {},
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=False,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, hold: float = 0.0) -> Any:  # noqa: ANN401 - JSON
        """The JSON at ``path``; ``hold`` is for how many seconds the answer may be held back on request."""
        return self._call("GET", path, params=params, timeout=self._patience(hold)).body

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send ``body`` as JSON to ``path``, once."""
        return self._call("POST", path, json=body, headers=headers)

    def upload(
        self,
        path: str,
        file: tuple[str, BinaryIO],
        fields: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a named file from its beginning, with ``fields``, as a form; it is read while it is sent."""
        name, content = file
        return self._call(
            "POST",
            path,
            data=fields,
            files={"file": (name, content, "text/csv")},
            params=params,
            headers=headers,
            timeout=self._patience(_SHEET_SECONDS),
        )

    @contextmanager
    def stream(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """The bytes at ``path`` as they come; ends with NoAnswer where they do not come whole."""
        with self._translated(), self._http.stream("GET", path, params=params) as response:
            if not response.is_success:
                response.read()
                raise refusal(response, self.connection)
            yield response.iter_bytes()

    def erase(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Have what is at ``path`` erased; answers what became of it."""
        return self._call("DELETE", path).body

    def put(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Have what is at ``path`` be as ``body`` says; answers how it is then."""
        return self._call("PUT", path, json=body).body

    def delete(self, path: str) -> None:
        """Delete what is at ``path``."""
        with self._translated():
            response = self._http.delete(path)
        if not response.is_success:
            raise refusal(response, self.connection)

    def location(self, path: str) -> str:
        """Where ``path`` redirects to, as a whole URL: a signed link, to be followed without the key."""
        with self._translated():
            response = self._http.get(path)
        if not response.has_redirect_location:
            raise refusal(response, self.connection)
        return str(response.url.join(response.headers["Location"]))

    def _call(self, method: str, path: str, **options: Any) -> Answer:  # noqa: ANN401 - httpx's own
        with self._translated():
            response = self._http.request(method, path, **options)
        if not response.is_success:
            raise refusal(response, self.connection)
        try:
            return Answer(response.json(), response.headers)
        except ValueError as error:
            raise Unreachable(
                f"what answers at {self.connection.url} is not a Darkroom: it sent no JSON; "
                "correct DARKROOM_URL or DARKROOM_PORT"
            ) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        url = self.connection.url
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"No Darkroom answers at {url}: start one with `darkroom up`") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Unreachable(f"{url} is not an address that can be asked: correct DARKROOM_URL") from error
        except httpx.TransportError as error:
            raise NoAnswer(
                f"Darkroom at {url} gave no whole answer ({type(error).__name__}): `darkroom doctor` "
                "says what is wrong"
            ) from error

    def _patience(self, hold: float) -> httpx.Timeout:
        return httpx.Timeout(_ANSWER_SECONDS + hold, connect=_CONNECT_SECONDS)
