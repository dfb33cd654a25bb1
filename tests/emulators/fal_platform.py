"""fal.ai's platform API and key set, emulated: prices, billing events, the list of requests, webhook keys."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.emulators.fal import KEY, Fal, price_of
from tests.emulators.fal_script import Taken
from tests.emulators.wire import Reply, Request, Server, html_reply, json_reply

ADMIN_KEY = "emulated-admin:secret"
USER_ID = "user_emulated"
_WEBHOOK_SECONDS = 15.0


@dataclass(slots=True)
class Platform:
    """Prices and bills of the emulated queue, and the keys that its webhooks are signed with.

    ``lag`` is how many times billing events are asked for in vain before a request shows, and then once
    without its amounts.
    """

    fal: Fal
    lag: int = 1
    server: Server = field(init=False)
    violations: list[str] = field(default_factory=list)
    lists_forbidden: bool = False
    _signer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    _asked: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @contextmanager
    def serving(self) -> Iterator["Platform"]:
        """Listen to the end of the block."""
        with self.server.serving():
            yield self

    @property
    def api_url(self) -> str:
        """What DARKROOM_FAL_PLATFORM_URL names."""
        return f"{self.server.url}/v1"

    @property
    def jwks_url(self) -> str:
        """What DARKROOM_FAL_JWKS_URL names."""
        return f"{self.server.url}/.well-known/jwks.json"

    def webhook(
        self, taken: Taken, *, signer: Ed25519PrivateKey | None = None, late: float = 0.0
    ) -> httpx.Response:
        """Deliver a finished request's webhook, signed by ``signer`` or rightly, ``late`` seconds old."""
        assert taken.webhook is not None, "this request was submitted without fal_webhook"
        payload = json.loads(taken.results[0](taken).body)
        told = {"request_id": taken.request_id, "gateway_request_id": taken.request_id, "status": "OK"}
        body = json.dumps({**told, "payload": payload}).encode()
        stamp = str(int(time.time() - late))
        digest = hashlib.sha256(body).hexdigest()
        signed = f"{taken.request_id}\n{USER_ID}\n{stamp}\n{digest}".encode()
        headers = {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": taken.request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": stamp,
            "X-Fal-Webhook-Signature": (signer or self._signer).sign(signed).hex(),
        }
        return httpx.post(
            taken.webhook, content=body, headers=headers, timeout=_WEBHOOK_SECONDS, trust_env=False
        )

    @contextmanager
    def forbidding_lists(self) -> Iterator[None]:
        """Let no key read the list of requests, to the end of the block."""
        self.lists_forbidden = True
        try:
            yield
        finally:
            self.lists_forbidden = False

    def _answer(self, request: Request) -> Reply:
        if request.path == "/.well-known/jwks.json":
            return json_reply(200, self._keys())
        admin = request.path == "/v1/models/billing-events"
        allowed = {f"Key {ADMIN_KEY}"} if admin else {f"Key {KEY}", f"Key {ADMIN_KEY}"}
        if request.headers["Authorization"] not in allowed:
            status = 403 if admin else 401
            return _error(status, "authorization_error", "this key may not do that")
        if request.method == "DELETE" and request.path.endswith("/payloads"):
            return json_reply(200, {"cdn_delete_results": []})
        routes = {
            "/v1/models/pricing": self._pricing,
            "/v1/models/billing-events": self._billing,
            "/v1/models/requests/by-endpoint": self._requests,
        }
        answer = routes.get(request.path)
        if answer is None or request.method != "GET":
            return _error(404, "not_found", f"there is no {request.method} {request.path}")
        return answer(request)

    def _keys(self) -> dict[str, object]:
        raw = self._signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        # The right one is last and unnamed: a client has to try them all.
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": _b64(key)} for key in (other, raw)]}

    def _pricing(self, request: Request) -> Reply:
        wanted = _many(request, "endpoint_id")
        if not 1 <= len(wanted) <= 50:
            self.violations.append(f"prices of {len(wanted)} endpoints in one request")
            return _error(400, "validation_error", "1 to 50 endpoint ids are required")
        if (odd := _odd_prices(wanted)) is not None:
            return odd
        prices = [
            {"endpoint_id": name, "unit_price": float(price), "unit": unit, "currency": "USD"}
            for name in wanted
            for price, unit in [price_of(name)]
        ]
        return json_reply(200, {"prices": prices, "next_cursor": None, "has_more": False})

    def _billing(self, request: Request) -> Reply:
        wanted = _many(request, "request_id")
        if len(wanted) > 50:
            self.violations.append(f"billing events of {len(wanted)} requests in one request")
            return _error(400, "validation_error", "at most 50 request ids")
        with self._lock:
            events = [event for name in wanted if (event := self._event(name)) is not None]
        return json_reply(200, {"billing_events": events, "next_cursor": None, "has_more": False})

    def _event(self, request_id: str) -> dict[str, object] | None:
        taken = self.fal.taken.get(request_id)
        if taken is None or not taken.completed:
            return None
        asked = self._asked[request_id] = self._asked.get(request_id, 0) + 1
        if asked <= self.lag:
            return None
        charge = self.fal.charge(taken)
        usd, price = float(Decimal(charge) / 10**9), float(price_of(taken.endpoint)[0])
        amounts: dict[str, object] = {
            "output_units": float(taken.plan.units),
            "unit_price": price,
            "percent_discount": None,
        }
        costs: dict[str, object] = {
            "cost_subtotal": usd,
            "cost_discount": 0,
            "cost_total": usd,
            "cost_estimate_nano_usd": charge,
        }
        if asked == self.lag + 1:
            amounts, costs = dict.fromkeys(amounts), dict.fromkeys(costs)
        known = {"request_id": request_id, "endpoint_id": taken.endpoint, "timestamp": _now()}
        return {**known, **amounts, **costs}

    def _requests(self, request: Request) -> Reply:
        if self.lists_forbidden:
            return _error(403, "authorization_error", "this key may not list requests")
        wanted = _many(request, "endpoint_id")
        if not wanted:
            self.violations.append("the list of requests without endpoint_id")
            return _error(400, "validation_error", "endpoint_id is required")
        shown = [t for t in list(self.fal.taken.values()) if t.endpoint in wanted and t.plan.listed]
        whole = "payloads" in _many(request, "expand")
        items = [
            {"request_id": t.request_id, "endpoint_id": t.endpoint, "sent_at": _now(), "started_at": _now()}
            | ({"json_input": t.input} if whole else {})
            for t in shown
        ]
        return json_reply(200, {"items": items, "next_cursor": None, "has_more": False})


def _odd_prices(wanted: list[str]) -> Reply | None:
    """Price lists that no client should trip over, by the name of the app that is asked for."""
    sound = {"unit_price": 0.05, "unit": "image", "currency": "USD"}
    for name in wanted:
        listed: dict[str, dict[str, object]] = {"euro": {"currency": "EUR"}, "null": {"unit_price": None}}
        match name.split("/")[1]:
            case "euro" | "null" as kind:
                price = {"endpoint_id": name, **sound, **listed[kind]}
                return json_reply(200, {"prices": [price], "next_cursor": None, "has_more": False})
            case "missing":
                return _error(404, "not_found", f"no price for {name}")
            case "html":
                return html_reply(200, "Just a moment")
            case "broken":
                return _error(500, "server_error", "try again later")
            case "hanging":
                return Reply(200, b"{}" * 8, {"Content-Type": "application/json"}, hold=threading.Event())
    return None


def _many(request: Request, name: str) -> list[str]:
    values = [*request.query.get(name, []), *request.query.get(f"{name}[]", [])]
    return [part for value in values for part in value.split(",") if part]


def _error(status: int, kind: str, text: str) -> Reply:
    return json_reply(status, {"error": {"type": kind, "message": text}})


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
