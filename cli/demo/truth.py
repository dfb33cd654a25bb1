"""The sandbox's own account of what happened: its submits, its invoice, the callbacks that it received."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from cli.errors import Unreachable

_MARK: Final = "X-Darkroom-Sandbox"
_SECONDS: Final = 10.0


class Truth:
    """A client of the sandbox's control API; every call raises Unreachable."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def insist(self) -> None:
        """Make sure that a sandbox answers, and nothing else."""
        self._get("/control/health")

    def submits(self) -> list[dict[str, Any]]:
        """Every generation that either provider accepted, the oldest first."""
        found: list[dict[str, Any]] = self._get("/control/submits")
        return found

    def invoice(self) -> dict[str, dict[str, Any]]:
        """The invoice's lines by the provider's request id."""
        return {line["request_id"]: line for line in self._get("/control/invoice")["lines"]}

    def callback_url(self, name: str) -> str:
        """Where the sandbox takes callbacks for ``name``."""
        return f"{self.url}/callbacks/{name}"

    def callbacks(self, name: str) -> list[dict[str, Any]]:
        """What was posted there, the oldest first."""
        found: list[dict[str, Any]] = self._get(f"/callbacks/{name}")
        return found

    def change(self, settings: Mapping[str, Any]) -> None:
        """Set the sandbox anew, for what is submitted from now on."""
        self._call("PATCH", "/control/settings", json=settings)

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._call("GET", path)

    def _call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - httpx's own, and JSON
        try:
            response = self._http.request(method, f"{self.url}{path}", **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"no sandbox answers at {self.url} ({type(error).__name__})") from error
        if not response.is_success or _MARK not in response.headers:
            raise Unreachable(f"what answers at {self.url} is not the sandbox: correct DARKROOM_SANDBOX_URL")
        return response.json()
