"""Answers in JSON, and errors as problem documents (RFC 9457)."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

Fault = dict[str, str]


class Json(JSONResponse):
    """JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, goes out as an escape, as it came."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - JSON
        """The bytes of the answer."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


class ProblemAnswer(Json):
    """A problem document."""

    media_type = "application/problem+json"


class Problem(Exception):  # noqa: N818 - what RFC 9457 calls it
    """A request that ends here: the status, a stable code, and a sentence that says what would be right."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.more = dict(more or {})

    def answer(self, request: Request) -> ProblemAnswer:
        """The answer to ``request``."""
        return self.answer_at(request.url.path)

    def answer_at(self, path: str) -> ProblemAnswer:
        """The answer to a request for ``path``: never the query, which may hold a signature."""
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": path,
            "code": self.code,
            "errors": list(self.errors),
        }
        return ProblemAnswer(self.more | body, self.status, self.headers)
