"""Looking for lost requests in fal's own list, by the marker in their input (fal platform contract)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from outbound.retry_after import retry_after
from outbound.wire import Reply, Request, Wire, WireError
from providers.base import Accepted, LookFailed, Sighting
from providers.fal.answers import Unreadable, parse, parse_object
from providers.fal.marker import MARKER
from providers.fal.moments import moment, stamp
from providers.fal.urls import InvalidEndpoint, Queue
from providers.sightings import NotSeen, Wanted

PAGE: Final = 100
MOST_PAGES: Final = 50
PAGE_SECONDS: Final = 20.0
PASS_SECONDS: Final = 60.0
# fal's clock and ours may differ, and both round.
SKEW: Final = timedelta(minutes=2)
_DEEPEST: Final = 4
_REFUSED_KEY: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_CLIENT_ERRORS: Final = range(400, 500)

Item = Mapping[str, Any]


@dataclass(slots=True)
class _Pass:
    """What reading the list has brought: what was found, and what may be one of those wanted."""

    found: dict[str, Item] = field(default_factory=dict)
    doubts: dict[str, set[str]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)


class RequestList:
    """The list of an account's requests; ``key`` may be any key of the account that fal lets list them."""

    def __init__(
        self,
        key: str,
        platform_url: str,
        queue: Queue,
        wire: Wire,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._headers = {"Authorization": f"Key {key}", "Accept": "application/json"}
        self._url = f"{platform_url.rstrip('/')}/models/requests/by-endpoint"
        self._queue = queue
        self._wire = wire
        self._clock = clock

    def search(self, endpoint: str, wanted: Sequence[Wanted], now: datetime) -> Mapping[str, Sighting]:
        """What the list says of each marker; it shows requests once a runner has taken them.

        Raises:
            LookFailed: it could not be read; ``permanent`` where fal does not let this key read it.
        """
        seen = _Pass()
        end = self._clock() + PASS_SECONDS
        pages = self._read(seen, endpoint, wanted, now, end)
        whole = pages is not None
        if pages is not None and pages > 1 and len(seen.found) < len(wanted):
            # What ends while pages are read moves within the list, and may slip past: so once more.
            whole = self._read(seen, endpoint, wanted, now, end) is not None
        return {one.marker: self._sighting(seen, endpoint, one, now, whole=whole) for one in wanted}

    def _read(
        self, seen: _Pass, endpoint: str, wanted: Sequence[Wanted], now: datetime, end: float
    ) -> int | None:
        """Read the list once; how many pages it had, or None where it was not read to its end."""
        for number, (items, more) in enumerate(self._pages(endpoint, wanted, now), 1):
            for item in items:
                _judge(seen, item, endpoint, wanted)
            if not more:
                return number
            if len(seen.found) == len(wanted) or number == MOST_PAGES or self._clock() > end:
                break
        return None

    def _pages(
        self, endpoint: str, wanted: Sequence[Wanted], now: datetime
    ) -> Iterator[tuple[list[Item], bool]]:
        asked = {
            "endpoint_id": endpoint,
            "start": stamp(min(one.sent_at for one in wanted) - SKEW),
            "end": stamp(now + SKEW + timedelta(seconds=1)),
            "expand": "payloads",
            "limit": str(PAGE),
        }
        cursor: str | None = None
        while True:
            page = self._page(asked | ({"cursor": cursor} if cursor else {}))
            items, following = page.get("items"), page.get("next_cursor")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise LookFailed("fal.ai's list of requests could not be read: it holds no items")
            more = bool(following) or page.get("has_more") is True
            yield items, more
            if not isinstance(following, str) or not following or following == cursor:
                return
            cursor = following

    def _page(self, asked: Mapping[str, str]) -> Item:
        request = Request("GET", f"{self._url}?{urlencode(asked)}", self._headers)
        try:
            reply = self._wire.call(request, timeout=PAGE_SECONDS)
            if not reply.ok:
                raise _refused(reply)
            return parse_object(reply.body)
        except WireError as error:
            raise LookFailed(f"fal.ai's list of requests could not be asked: {error}") from error
        except Unreadable as error:
            raise LookFailed(f"fal.ai's list of requests could not be read: {error}") from error

    def _sighting(self, seen: _Pass, endpoint: str, one: Wanted, now: datetime, *, whole: bool) -> Sighting:
        item = seen.found.get(one.marker)
        if item is None:
            return NotSeen(whole, frozenset(seen.doubts.get(one.marker, ())), frozenset(seen.shown))
        request_id = str(item["request_id"])
        try:
            links = self._queue.links(endpoint, request_id, {})
        except InvalidEndpoint as error:
            raise LookFailed(str(error), permanent=True) from error
        taken_at = moment(item.get("sent_at")) or one.sent_at
        return Accepted(
            request_id,
            status_url=links.status,
            response_url=links.response,
            cancel_url=links.cancel,
            accepted_at=min(max(taken_at, one.sent_at), now),
        )


def _judge(seen: _Pass, item: Item, endpoint: str, wanted: Sequence[Wanted]) -> None:
    """Whether one entry is among those wanted, or may be.

    Only our own marker is proof that it is: somebody else with the same key may have sent the same prompt.
    But an entry without any marker that was given the same may be ours as well, should fal's list leave out
    what an endpoint does not know.
    """
    shown_id = item.get("request_id")
    request_id = shown_id if isinstance(shown_id, str) else ""
    seen.shown.add(request_id)
    sound = bool(request_id) and item.get("endpoint_id") == endpoint
    given = _given(item.get("json_input"))
    markers = set(_values(given, MARKER))
    for one in wanted:
        marked = one.marker in markers
        if marked and sound:
            seen.found.setdefault(one.marker, item)
        elif marked or (not markers and _may_be(item, given, one)):
            seen.doubts.setdefault(one.marker, set()).add(request_id)


def _may_be(item: Item, given: Mapping[str, Any], one: Wanted) -> bool:
    """Whether an entry without a marker may be the one: not older, and its input not shown or the same."""
    at = moment(item.get("sent_at")) or moment(item.get("started_at"))
    in_time = at is None or at >= one.sent_at - SKEW
    return in_time and (not given or _same(given, one.arguments))


def _given(shown: object) -> Mapping[str, Any]:
    """The input that an entry shows; empty where it shows none."""
    if isinstance(shown, str):
        try:
            shown = parse(shown.encode())
        except (Unreadable, UnicodeEncodeError):
            return {}
    return shown if isinstance(shown, dict) else {}


def _values(given: object, name: str, depth: int = 0) -> Iterator[object]:
    """Every text under ``name``, also in objects within the object: some applications wrap their input."""
    if not isinstance(given, dict) or depth == _DEEPEST:
        return
    for key, value in given.items():
        if key == name and isinstance(value, str):
            yield value
        yield from _values(value, name, depth + 1)


def _same(given: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether an entry may show what was sent with these arguments: the same prompt, or all the same."""
    prompt = arguments.get("prompt")
    if isinstance(prompt, str):
        return prompt in set(_values(given, "prompt"))
    return all(given.get(name) == value for name, value in arguments.items())


def _refused(reply: Reply) -> LookFailed:
    said, kind = "", ""
    try:
        error = parse_object(reply.body).get("error")
    except Unreadable:
        error = None
    if isinstance(error, dict):
        said, kind = f": {str(error.get('message', ''))[:200]}", str(error.get("type", ""))
    wait = retry_after(reply.headers.get("retry-after"), datetime.now(UTC))
    if reply.status in _REFUSED_KEY:
        return LookFailed(
            f"fal.ai does not let this key read its list of requests ({reply.status}){said}; "
            "set FAL_ADMIN_KEY to a key of the same account that may",
            permanent=True,
        )
    # The platform's own word on the question as such; a gateway's page says nothing about it.
    asked_wrongly = bool(kind) and reply.status in _CLIENT_ERRORS and reply.status != _TOO_MANY
    return LookFailed(
        f"fal.ai's list of requests answered {reply.status}{said}",
        retry_after=wait,
        permanent=asked_wrongly or kind == "not_implemented",
    )
