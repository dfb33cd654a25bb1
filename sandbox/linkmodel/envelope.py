"""The gateway's envelope: code, data, msg or message, request_id (contract section 3)."""

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from sandbox.core import Core
from sandbox.scenarios import Step
from sandbox.wire import ExactJson

JsonObject = dict[str, Any]


class Envelope:
    """Writes answers; ``word`` is ``msg`` on create and ``message`` on query."""

    def __init__(self, core: Core, word: str) -> None:
        self._core = core
        self._word = word

    def success(self, data: JsonObject, steps: Iterable[Step] = ()) -> Response:
        """HTTP 200 and code 0, without the code or with ``requestId`` where that was asked for."""
        body: JsonObject = {
            "code": 0,
            "data": data,
            self._word: "success",
            "request_id": self._core.new_id(),
        }
        names = {step.name for step in steps}
        if "missing_code" in names:
            del body["code"]
        if "requestId" in names:
            body["requestId"] = body.pop("request_id")
        return ExactJson(body)

    def error(self, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
        """An error whose code is its HTTP status (contract section 6)."""
        return self.business(status, text, status=status, headers=headers)

    def business(
        self, code: int, text: str, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """An error whose code stands in the body; HTTP 200 unless told otherwise."""
        body = {"code": code, self._word: text, "request_id": self._core.new_id()}
        return ExactJson(body, status, headers=headers)
