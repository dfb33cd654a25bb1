"""Fal's error types and status codes as our failures: one table for submissions and for results."""

import re
from collections.abc import Mapping
from typing import Final

from domain.failures import MARKER_REFUSED, ErrorCode, Failure
from providers.fal.faults import Fault
from providers.fal.marker import MARKER

_C = ErrorCode

_BY_TYPE: Final[Mapping[str, ErrorCode]] = {
    "content_policy_violation": _C.CONTENT_POLICY,
    "content_policy": _C.CONTENT_POLICY,
    "safety_violation": _C.CONTENT_POLICY,
    "moderation": _C.CONTENT_POLICY,
    "nsfw_content": _C.CONTENT_POLICY,
    "no_media_generated": _C.PROVIDER_FAILED,
    "internal_server_error": _C.PROVIDER_FAILED,
    "generation_timeout": _C.PROVIDER_FAILED,
    "downstream_service_error": _C.PROVIDER_FAILED,
    "downstream_service_unavailable": _C.PROVIDER_FAILED,
    "request_timeout": _C.PROVIDER_FAILED,
    "startup_timeout": _C.PROVIDER_FAILED,
    "runner_scheduling_failure": _C.PROVIDER_FAILED,
    "runner_connection_timeout": _C.PROVIDER_FAILED,
    "runner_disconnected": _C.PROVIDER_FAILED,
    "runner_connection_refused": _C.PROVIDER_FAILED,
    "runner_connection_error": _C.PROVIDER_FAILED,
    "runner_incomplete_response": _C.PROVIDER_FAILED,
    "runner_server_error": _C.PROVIDER_FAILED,
    "internal_error": _C.PROVIDER_FAILED,
    "concurrent_requests_limit": _C.PROVIDER_FAILED,
    "client_cancelled": _C.CANCELED,
    "client_disconnected": _C.CANCELED,
    "bad_request": _C.INVALID_INPUT,
}

_BY_STATUS: Final[Mapping[int, ErrorCode]] = {
    400: _C.INVALID_INPUT,
    401: _C.PROVIDER_AUTH,
    402: _C.INSUFFICIENT_FUNDS,
    403: _C.PROVIDER_AUTH,
    404: _C.PROVIDER_REJECTED,
    413: _C.INVALID_INPUT,
    415: _C.INVALID_INPUT,
    422: _C.INVALID_INPUT,
    429: _C.PROVIDER_FAILED,
    499: _C.CANCELED,
}

_SENTENCES: Final[Mapping[ErrorCode, str]] = {
    _C.CONTENT_POLICY: "the safety filter at fal.ai refused this",
    _C.INVALID_INPUT: "fal.ai refused the input",
    _C.PROVIDER_AUTH: "fal.ai refused the key: FAL_KEY must be a valid key that may run this endpoint",
    _C.INSUFFICIENT_FUNDS: "the fal.ai account is locked or out of credit: it must be topped up",
    _C.PROVIDER_REJECTED: "fal.ai refused the request",
    _C.PROVIDER_FAILED: "fal.ai failed on this request",
    _C.START_TIMEOUT: "no runner at fal.ai took the request within its start timeout",
    _C.ASSET_UNAVAILABLE: "fal.ai no longer has the result",
    _C.CANCELED: "fal.ai dropped the request: it was canceled there",
}

# Not the customer's doing, whatever else is wrong: without our own field the endpoint has its say.
_MARKED: Final = Failure(
    _C.PROVIDER_FAILED,
    f"the endpoint at fal.ai takes no field that it does not know, and so not {MARKER}: it is left out from "
    "now on",
    provider_code=MARKER_REFUSED,
    retryable=True,
)

# What another try may well change. fal's own word on retrying is heard for these and for plain refusals only.
_TRANSIENT: Final = frozenset({_C.PROVIDER_FAILED, _C.START_TIMEOUT})
_FAL_DECIDES: Final = _TRANSIENT | {_C.PROVIDER_REJECTED}
# Where this provider will keep refusing and another may not.
_ELSEWHERE: Final = frozenset(
    {_C.PROVIDER_AUTH, _C.INSUFFICIENT_FUNDS, _C.PROVIDER_REJECTED, _C.START_TIMEOUT}
)
_LOCKED: Final = re.compile(r"balance|top up|budget|payment method|locked", re.IGNORECASE)
_UNTYPED_POLICY: Final = re.compile(r"content polic|nsfw|moderation", re.IGNORECASE)
_CLIENT_ERRORS: Final = range(400, 500)
_UNPROCESSABLE: Final = 422


def failure(fault: Fault, code: ErrorCode | None = None) -> Failure:
    """The failure that ``fault`` stands for, or the same under a ``code`` that the caller knows better."""
    if MARKER in fault.fields:
        return _MARKED
    code = code or code_of(fault)
    retryable = code in _TRANSIENT and fault.status != _UNPROCESSABLE
    if code in _FAL_DECIDES and fault.retryable is not None:
        retryable = fault.retryable
    return Failure(
        code=code,
        message=f"{_SENTENCES[code]}: {fault.text}" if fault.text else _SENTENCES[code],
        provider_code=_provider_code(fault),
        retryable=retryable,
        elsewhere=code in _ELSEWHERE,
    )


def code_of(fault: Fault) -> ErrorCode:
    """The code by fal's error types, then by the status code; a model's policy refusal goes before all."""
    known = [_BY_TYPE[kind] for kind in fault.types if kind in _BY_TYPE]
    if _C.CONTENT_POLICY in known or (not fault.types and _is_policy_text(fault)):
        return _C.CONTENT_POLICY
    if fault.status in {401, 403}:
        return _C.INSUFFICIENT_FUNDS if _LOCKED.search(fault.text) else _C.PROVIDER_AUTH
    if known:
        return known[0]
    rest = _C.PROVIDER_REJECTED if fault.status in _CLIENT_ERRORS else _C.PROVIDER_FAILED
    return _BY_STATUS.get(fault.status, rest)


def _provider_code(fault: Fault) -> str | None:
    if fault.types:
        return fault.types[0]
    return str(fault.status) if fault.status >= _CLIENT_ERRORS.start else None


def _is_policy_text(fault: Fault) -> bool:
    """Endpoints that have not moved to typed errors name the policy in plain words only."""
    return fault.status == _UNPROCESSABLE and bool(_UNTYPED_POLICY.search(fault.text))
