"""Turning what Darkroom refuses (RFC 9457 problem documents) into an error of the command line."""

from http import HTTPStatus
from typing import Any, Final

import httpx

from cli.connection import Connection
from cli.errors import CliError, Misused, NotAllowed, Unreachable

_NOT_NOW: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERROR: Final = 500


class Refused(Misused):
    """Darkroom refused the request as it stands; ``code`` is the problem's stable code."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.code = code


def refusal(response: httpx.Response, asked: Connection) -> CliError:
    """The error that an answer outside 2xx stands for."""
    problem = _problem(response)
    if problem is None:
        return Unreachable(
            f"what answers at {asked.url} is not a Darkroom (status {response.status_code}, no problem "
            "document): correct DARKROOM_URL or DARKROOM_PORT"
        )
    said = _sentence(problem)
    if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return NotAllowed(_unauthorized(said, asked))
    if response.status_code in _NOT_NOW or response.status_code >= _SERVER_ERROR:
        return Unreachable(f"Darkroom at {asked.url} cannot do this just now: {said}")
    return Refused(said, problem.get("code"))


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return None
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _sentence(problem: dict[str, Any]) -> str:
    """The problem's own sentence, and what it says of fields beyond that."""
    detail = str(problem.get("detail") or problem.get("title") or "no reason given")
    faults = [fault for fault in problem.get("errors") or () if str(fault["message"]) not in detail]
    return "; ".join([detail, *(f"{fault['field']} {fault['message']}".strip() for fault in faults)])


def _unauthorized(said: str, asked: Connection) -> str:
    if asked.key is None:
        return f"there is no API key: set DARKROOM_API_KEY (no file {asked.key_place} either)"
    return f"the API key in {asked.key_place} is not accepted at {asked.url}: {said}"
