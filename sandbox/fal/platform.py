"""fal's Platform API: prices, estimates, billing events, usage, request lists, payload deletion, meta."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox import faults
from sandbox.fal import ledger
from sandbox.fal.bills import Charge
from sandbox.fal.book import FalBook
from sandbox.fal.endpoints import Endpoint, find, priced
from sandbox.fal.filters import FilterError, ids, page, span
from sandbox.fal.record import FalRequest
from sandbox.keys import REFUSAL, is_admin_key, is_sandbox_key
from sandbox.scenarios import BILLING, FAL
from sandbox.wire import BodyError, ExactJson, loads

_BASE: Final = "/fal/platform/v1"
_MOST_EVENTS: Final = 10_000
_MOST_REQUESTS: Final = 100
_TOO_MANY: Final = 429
_BALANCE: Final = Decimal(1000)
_Handler = Callable[[Request], Awaitable[Response]]


class Platform:
    """The routes below ``/fal/platform/v1``; the money ones want an admin key."""

    def __init__(self, book: FalBook) -> None:
        self._book = book

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        table: list[tuple[str, str, _Handler, bool]] = [
            ("GET", "/models/pricing", self._pricing, False),
            ("POST", "/models/pricing/estimate", self._estimate, False),
            ("GET", "/models/billing-events", self._billing_events, True),
            ("GET", "/models/usage", self._usage, True),
            ("GET", "/models/requests/by-endpoint", self._requests, False),
            ("DELETE", "/models/requests/{request_id}/payloads", self._erase, True),
            ("GET", "/account/billing", self._account, True),
        ]
        guarded = [
            Route(_BASE + path, _guard(run, admin=admin), methods=[m]) for m, path, run, admin in table
        ]
        return [*guarded, Route(_BASE + "/meta", _meta)]

    async def _pricing(self, request: Request) -> Response:
        asked = ids(request.query_params, "endpoint_id")
        if not asked:
            raise FilterError("endpoint_id is required")
        known = [found for endpoint_id in asked if (found := self._endpoint(endpoint_id)).listed]
        if not known:
            return _error(404, "not_found", "no price is known for these endpoints")
        prices = [
            {"endpoint_id": e.id, "unit_price": e.unit_price, "unit": e.unit, "currency": "USD"}
            for e in known
        ]
        return ExactJson({"prices": prices, "next_cursor": None, "has_more": False})

    async def _estimate(self, request: Request) -> Response:
        body = loads(await request.body())
        kind, wanted = body.get("estimate_type"), body.get("endpoints")
        quantity = {"unit_price": "unit_quantity", "historical_api_price": "call_quantity"}.get(str(kind))
        if quantity is None or not isinstance(wanted, dict):
            raise FilterError("estimate_type must be unit_price or historical_api_price, with endpoints")
        total = Decimal(0)
        for endpoint_id, amount in wanted.items():
            if not self._endpoint(endpoint_id).listed:
                return _error(404, "not_found", f"no price is known for {endpoint_id}")
            total += self._endpoint(endpoint_id).unit_price * _quantity(amount, quantity)
        return ExactJson({"estimate_type": kind, "total_cost": total, "currency": "USD"})

    async def _billing_events(self, request: Request) -> Response:
        now, core = self._book.core.clock.now(), self._book.core
        steps = core.plan.take(FAL, "", BILLING)
        refused = faults.refusal(steps, _trouble)
        if refused is not None:
            return refused
        shown, fields = page(self._charges(request), request.query_params, _MOST_EVENTS)
        told = [ledger.event(charge, now) for charge in shown]
        return faults.spoilt(steps, ExactJson({"billing_events": told, **fields}), _trouble, core.clock)

    async def _usage(self, request: Request) -> Response:
        now = self._book.core.clock.now()
        rows = ledger.usage(self._charges(request))
        body: dict[str, Any] = {"next_cursor": None, "has_more": False}
        expand = ids(request.query_params, "expand") or ["time_series"]
        start = span(request.query_params, now).start
        views: dict[str, Any] = {
            "time_series": [{"bucket": start.isoformat(), "results": rows}] if rows else [],
            "summary": rows,
        }
        return ExactJson(body | {name: view for name, view in views.items() if name in expand})

    async def _requests(self, request: Request) -> Response:
        query, now = request.query_params, self._book.core.clock.now()
        endpoints = ids(query, "endpoint_id")
        if not endpoints:
            raise FilterError("endpoint_id is required")
        within, with_payloads = span(query, now), "payloads" in ids(query, "expand")
        rows = [
            self._row(record, payloads=with_payloads)
            for record in reversed(list(self._book))
            if record.endpoint.id in endpoints
            and query.get("request_id") in {None, record.id}
            and within.holds(record.submitted_at)
            and record.started_at is not None
            and record.started_at <= now
            and _has_status(self._status(record), query.get("status"))
        ]
        shown, fields = page(rows, query, _MOST_REQUESTS)
        return ExactJson({"items": shown, **fields})

    async def _erase(self, request: Request) -> Response:
        record = self._book.get(request.path_params["request_id"])
        if record is None or not record.over(self._book.core.clock.now()):
            return _error(404, "not_found", "no such request, or it has not ended")
        gone = self._book.erase(record)
        return ExactJson({"cdn_delete_results": [{"link": link, "exception": None} for link in gone]})

    async def _account(self, request: Request) -> Response:
        body: dict[str, Any] = {"username": "sandbox"}
        if "credits" in ids(request.query_params, "expand"):
            body["credits"] = {"current_balance": _BALANCE, "currency": "USD"}
        return ExactJson(body)

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        return priced(find(endpoint_id, {}), self._book.core.config.fal_prices)

    def _charges(self, request: Request) -> list[Charge]:
        query = request.query_params
        within = span(query, self._book.core.clock.now())
        return ledger.charges(self._book, within, ids(query, "endpoint_id"), ids(query, "request_id"))

    def _status(self, record: FalRequest) -> int | None:
        over = record.over(self._book.core.clock.now())
        return self._book.verdict(record).status if over else None

    def _row(self, record: FalRequest, *, payloads: bool) -> dict[str, Any]:
        status, ended = self._status(record), record.ended_at
        row: dict[str, Any] = {
            "request_id": record.id,
            "endpoint_id": record.endpoint.id,
            "sent_at": record.submitted_at.isoformat(),
            "started_at": (record.started_at or record.submitted_at).isoformat(),
            "ended_at": ended.isoformat() if ended and status else None,
            "status_code": status,
            "duration": round((ended - record.submitted_at).total_seconds(), 3) if ended and status else None,
        }
        if payloads and record.stored:
            row["json_input"] = record.arguments
            row["json_output"] = self._book.verdict(record).body if status else None
        return row


def _guard(run: _Handler, *, admin: bool) -> _Handler:
    async def guarded(request: Request) -> Response:
        authorization = request.headers.get("authorization")
        if not is_sandbox_key(authorization, "Key"):
            return _error(401, "authorization_error", REFUSAL)
        if admin and not is_admin_key(authorization, "Key"):
            return _error(
                403, "authorization_error", "this needs an admin key: one that starts 'sandbox-admin'"
            )
        try:
            return await run(request)
        except (FilterError, BodyError) as error:
            return _error(400, "validation_error", str(error))

    return guarded


def _trouble(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    kind = "rate_limited" if status == _TOO_MANY else "server_error"
    return ExactJson({"error": {"type": kind, "message": text}}, status, headers=headers)


def _error(status: int, kind: str, text: str) -> Response:
    return ExactJson({"error": {"type": kind, "message": text}}, status)


def _quantity(amount: object, name: str) -> Decimal:
    given = amount.get(name) if isinstance(amount, dict) else None
    if isinstance(given, bool) or not isinstance(given, int | Decimal) or given <= 0:
        raise FilterError(f"{name} must be a number above 0")
    return Decimal(given)


def _has_status(status: int | None, wanted: str | None) -> bool:
    if wanted is None or status is None:
        return wanted is None
    kind = "success" if status < 400 else "user_error" if status < 500 else "error"  # noqa: PLR2004 - HTTP
    return kind == wanted


async def _meta(_: Request) -> Response:
    return ExactJson({"webhook_ip_ranges": ["127.0.0.1/32"]})
