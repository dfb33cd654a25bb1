"""fal's queue and the parts of its Platform API that a good day needs (fal queue contract, 3, 9 and 8)."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from bench.fake.book import Book, Made
from bench.fake.http import Answer, Request

QUEUE: Final = "/fal/queue/"
PLATFORM: Final = "/fal/platform/v1/"
UNIT_PRICE: Final = 0.025
_REQUESTS: Final = "/requests/"
_DAY: Final = 86_400.0
_BILLED: Final = b"x-fal-billable-units: 1\r\n"


class Fal:
    """One account; ``told`` is handed every request that wants a webhook, and what it makes."""

    def __init__(self, book: Book, base: str, told: Callable[[Made, dict[str, Any]], None]) -> None:
        self._book = book
        self._base = base
        self._told = told

    def answer(self, request: Request) -> Answer | None:
        """The answer to a call below ``/fal``; None where there is nothing."""
        if request.path.startswith(PLATFORM):
            return self._platform(request)
        if not request.path.startswith(QUEUE):
            return None
        app, found, rest = request.path.removeprefix(QUEUE).partition(_REQUESTS)
        if not found:
            return self._submit(app, request)
        request_id, _, action = rest.partition("/")
        made = self._book.made.get(request_id)
        if made is None:
            return Answer(b'{"status":"NOT_FOUND"}', 404)
        return self._status(made) if action == "status" else self._fetch(made)

    def _result(self, made: Made) -> dict[str, Any]:
        """What the model makes: one picture."""
        url = f"{self._base}/media/{made.id}.png"
        image = {"url": url, "width": 1, "height": 1, "content_type": "image/png"}
        return {"images": [image], "seed": 1, "has_nsfw_concepts": [False], "timings": {"inference": 1.0}}

    def _submit(self, endpoint: str, request: Request) -> Answer:
        self._book.called("fal submit")
        made = self._book.take("fal", endpoint, json.loads(request.body), request.asked("fal_webhook"))
        if made.webhook is not None:
            self._told(made, self._result(made))
        body = {"status": "IN_QUEUE", "queue_position": 0, **self._links(made)}
        return _json(body, seconds=self._book.times.submit)

    def _status(self, made: Made) -> Answer:
        self._book.called("fal status")
        made.asked = now = time.time()
        if now < made.starts:
            return _json({"status": "IN_QUEUE", "queue_position": 0, **self._links(made)}, 202)
        if now < made.ends:
            return _json({"status": "IN_PROGRESS", "logs": None, **self._links(made)}, 202)
        worked = {"inference_time": round(made.ends - made.starts, 3)}
        return _json({"status": "COMPLETED", "logs": None, "metrics": worked, **self._links(made)})

    def _fetch(self, made: Made) -> Answer:
        self._book.called("fal result")
        return _json(self._result(made), headers=_BILLED)

    def _links(self, made: Made) -> dict[str, str]:
        below = f"{self._base}{QUEUE}{'/'.join(made.endpoint.split('/')[:2])}{_REQUESTS}{made.id}"
        return {
            "request_id": made.id,
            "gateway_request_id": made.id,
            "response_url": below,
            "status_url": f"{below}/status",
            "cancel_url": f"{below}/cancel",
        }

    def _platform(self, request: Request) -> Answer | None:
        endpoint = request.asked("endpoint_id") or ""
        if request.path.endswith("/models/pricing"):
            price = {"endpoint_id": endpoint, "unit_price": UNIT_PRICE, "unit": "image", "currency": "USD"}
            return _json({"prices": [price], "next_cursor": None, "has_more": False})
        if request.path.endswith("/models/requests/by-endpoint"):
            return self._listed(request, endpoint)
        return None

    def _listed(self, request: Request, endpoint: str) -> Answer:
        """What was started on an endpoint in a span of time, newest first; the cursor is an offset."""
        self._book.called("fal list")
        now = time.time()
        start, end = _moment(request.asked("start"), now - _DAY), _moment(request.asked("end"), now)
        rows = [
            _row(made)
            for made in reversed(self._book.made.values())
            if made.endpoint == endpoint and made.starts <= now and start <= made.arrived < end
        ]
        first, most = int(request.asked("cursor") or 0), int(request.asked("limit") or 50)
        more = first + most < len(rows)
        page = {"next_cursor": str(first + most) if more else None, "has_more": more}
        return _json({"items": rows[first : first + most], **page})


def _row(made: Made) -> dict[str, Any]:
    return {
        "request_id": made.id,
        "endpoint_id": made.endpoint,
        "sent_at": _text(made.arrived),
        "started_at": _text(made.starts),
        "ended_at": None,
        "status_code": None,
        "duration": None,
        "json_input": made.arguments,
    }


def _json(body: dict[str, Any], status: int = 200, headers: bytes = b"", seconds: float = 0.0) -> Answer:
    return Answer(json.dumps(body).encode(), status, headers=headers, seconds=seconds)


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _moment(text: str | None, otherwise: float) -> float:
    return datetime.fromisoformat(text).timestamp() if text else otherwise
