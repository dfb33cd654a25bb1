"""Some of what is asked for as a batch: the same jobs as rows of one sheet."""

import csv
import io
import random
from collections.abc import Sequence
from typing import Final

from tests.chaos.orders import Order

_SHARE: Final = 0.25
_COLUMNS: Final = (
    "row_id",
    "prompt",
    "model",
    "provider",
    "fallback",
    "start_timeout",
    "callback_url",
    "tag.chaos",
)


def parted(seed: int, asked: Sequence[Order]) -> tuple[list[Order], list[Order]]:
    """Those that are asked for one by one, and those that go as a sheet; what is canceled goes alone."""
    chance = random.Random(f"sheets {seed}")
    together = {order.tag for order in asked if chance.random() < _SHARE and order.cancel_after is None}
    alone = [order for order in asked if order.tag not in together]
    return alone, [order for order in asked if order.tag in together]


def sheet(asked: Sequence[Order]) -> bytes:
    """The sheet with a row for each of them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for order in asked:
        body, routing = order.body, order.body["routing"]
        writer.writerow(
            (
                order.tag,
                body["input"]["prompt"],
                body["model"],
                routing.get("provider", "auto"),
                routing.get("fallback", True),
                routing.get("start_timeout", ""),
                order.callback_url or "",
                order.tag,
            )
        )
    return text.getvalue().encode()
