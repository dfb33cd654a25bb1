"""LinkModel's create and query of images (LinkModel contract, sections 3 to 5)."""

import json
import time
from typing import Any, Final

from bench.fake.book import Book, Made
from bench.fake.http import Answer, Request

BASE: Final = "/linkmodel/api/v1/"
PRICE: Final = 0.0232


class LinkModel:
    """One account."""

    def __init__(self, book: Book, base: str) -> None:
        self._book = book
        self._base = base

    def answer(self, request: Request) -> Answer | None:
        """The answer to a call below ``/linkmodel``; None where there is nothing."""
        if not request.path.startswith(BASE):
            return None
        if request.method == "POST":
            return self._create(request)
        self._book.called("linkmodel query")
        made = self._book.made.get(request.asked("task_id") or "")
        if made is None:
            return _envelope(404, {}, "message", status=404)
        return _envelope(0, self._task(made), "message")

    def _create(self, request: Request) -> Answer:
        self._book.called("linkmodel create")
        arguments = json.loads(request.body)
        made = self._book.take("linkmodel", str(arguments.get("model")), arguments, None)
        receipt = {"task_id": made.id, "order_id": made.id, "status": "processing", "price": PRICE}
        return _envelope(0, receipt, "msg", seconds=self._book.times.submit)

    def _task(self, made: Made) -> dict[str, Any]:
        made.asked = now = time.time()
        over = now >= made.ends
        status = "Success" if over else "Processing" if now >= made.starts else "Pending"
        links = [f"{self._base}/media/{made.id}.png"] if over else []
        told = {"task_id": made.id, "status": status, "model": made.endpoint, "metadata": "", "msg": ""}
        return {**told, "prompt": made.arguments.get("prompt"), "images": [], "output_images": links}


def _envelope(
    code: int, data: dict[str, Any], word: str, *, status: int = 200, seconds: float = 0.0
) -> Answer:
    body = {"code": code, "data": data, word: "success", "request_id": "00000000-0000-4000-8000-000000000000"}
    return Answer(json.dumps(body).encode(), status, seconds=seconds)
