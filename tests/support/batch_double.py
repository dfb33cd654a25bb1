"""A double of Darkroom's batches over HTTP, for what the real one does only when much goes wrong."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

BATCH_ID: Final = "0199aa00-0000-7000-8000-00000000000b"
BATCH_PATH: Final = f"/v1/batches/{BATCH_ID}"
_NO_COUNTS: Final = dict.fromkeys(
    (
        "waiting",
        "queued",
        "submitting",
        "running",
        "storing",
        "succeeded",
        "failed",
        "canceled",
        "review",
    ),
    0,
)


def batch_view(state: str = "running", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A batch as the API shows it; what it does not say of ``counts`` is 0."""
    ended = "2026-11-22T12:10:00.000Z" if state in {"completed", "canceled", "failed"} else None
    view: dict[str, Any] = {
        "id": BATCH_ID,
        "object": "batch",
        "name": None,
        "state": state,
        "reason": None,
        "rows": 4,
        "read_rows": 4,
        "good_rows": 4,
        "bad_rows": 0,
        "quoted": {"low": _usd(1), "high": _usd(2), "unpriced_rows": 0},
        "budget": None,
        "spent": _usd(1),
        "held": _usd(0),
        "rate_per_minute": None,
        "seconds_left": None,
        "callback_url": None,
        "tags": {},
        "strict": False,
        "priority": "normal",
        "created_at": "2026-11-22T12:00:00.000Z",
        "read_at": "2026-11-22T12:00:01.000Z",
        "ended_at": ended,
        "sandbox": False,
        "links": {},
    }
    return view | fields | {"counts": _NO_COUNTS | fields.get("counts", {})}


class BatchDouble:
    """One batch on ``server``."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.url = server.url_for("").rstrip("/")

    def stands(self, *answers: dict[str, Any] | Response) -> None:
        """What the batch is answered with, one after the other; the last one from then on."""
        left = list(answers)

        def answer(_: Request) -> Response:
            now = left.pop(0) if len(left) > 1 else left[0]
            return now if isinstance(now, Response) else _json(now)

        self.server.expect_request(BATCH_PATH).respond_with_handler(answer)

    def made(self, files: Mapping[int, bytes]) -> None:
        """Rows, counted from 1 on, that have each made a file."""
        lines = [json.dumps(_file(row, data)) for row, data in files.items()]
        self.server.expect_request(f"{BATCH_PATH}/assets.jsonl").respond_with_data("\n".join([*lines, ""]))

    def link(self, row: int, to: str) -> None:
        """Where the file of a row is redirected to."""
        answer = Response(status=307, headers={"Location": to})
        self.server.expect_request(f"/v1/jobs/{job_id(row)}/assets/0").respond_with_handler(lambda _: answer)


def job_id(row: int) -> str:
    """The id of a row's job."""
    return str(UUID(int=row))


def problem(status: int, detail: str, code: str = "unavailable") -> Response:
    """A problem document."""
    body = json.dumps({"status": status, "detail": detail, "code": code, "errors": []})
    return Response(body, status, content_type="application/problem+json")


def _file(row: int, data: bytes) -> dict[str, Any]:
    return {
        "row_number": row,
        "row_id": None,
        "job_id": job_id(row),
        "n": 0,
        "file": f"{row}/0.png",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_type": "image/png",
        "url": f"/v1/jobs/{job_id(row)}/assets/0",
    }


def _usd(dollars: int) -> dict[str, Any]:
    return {"nano_usd": dollars * 1_000_000_000, "usd": str(dollars)}


def _json(body: object) -> Response:
    return Response(json.dumps(body), content_type="application/json")
