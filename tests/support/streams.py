"""A client that reads server-sent events one by one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

LIVE = {"Accept": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it came."""

    id: str
    type: str
    data: dict[str, Any]


@contextmanager
def following(client: httpx.Client, path: str, seen: str | None = None) -> Iterator[Iterator[Told]]:
    """The events behind the one with the id ``seen``, one after another until the server ends the stream."""
    headers = LIVE if seen is None else LIVE | {"Last-Event-ID": seen}
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[Told]:
    """The events that lines spell out; comments and the time to wait are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        if "data" in fields:
            yield Told(fields["id"], fields["event"], json.loads(fields["data"]))
        fields = {}
