"""The doctor's look at the providers: whether they can be reached and take the keys, without spending."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httpx

from cli.diagnosis import Diagnosis, fail, ok, warn
from services.settings import Settings

_SECONDS: Final = 10.0
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_SERVER_ERROR: Final = 500
# Any endpoint with a public price does.
_PRICED: Final = "fal-ai/flux/dev"


@dataclass(frozen=True, slots=True)
class _Question:
    """A call that costs nothing and needs the key."""

    part: str
    variable: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    refused_to: str


def examine_providers(settings: Settings) -> Iterator[Diagnosis]:
    """Every key that is set, asked about at its provider; the others are told of."""
    if settings.fal_key is None:
        yield _played("fal", "FAL_KEY")
    else:
        # fal platform API, pricing: any key may ask.
        url = f"{settings.fal_platform_url}/models/pricing?endpoint_id={_PRICED}"
        headers = _fal(settings.fal_key.get_secret_value())
        yield _ask(_Question("fal", "FAL_KEY", url, headers, "generate"))
    if settings.fal_admin_key is not None:
        # fal platform API, account billing: admin keys alone may ask.
        url = f"{settings.fal_platform_url}/account/billing"
        headers = _fal(settings.fal_admin_key.get_secret_value())
        yield _ask(_Question("fal billing", "FAL_ADMIN_KEY", url, headers, "read the billing"))
    if settings.linkmodel_api_key is None:
        yield _played("linkmodel", "LINKMODEL_API_KEY")
    else:
        # LinkModel contract, GET /auth/check: not billed.
        key = settings.linkmodel_api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        url = f"{settings.linkmodel_url}/auth/check"
        yield _ask(_Question("linkmodel", "LINKMODEL_API_KEY", url, headers, "generate"))


def _fal(key: str) -> dict[str, str]:
    return {"Authorization": f"Key {key}"}


def _played(part: str, variable: str) -> Diagnosis:
    return ok(part, f"no key; under `darkroom up` the sandbox plays it until {variable} is set")


def _ask(question: _Question) -> Diagnosis:
    place = question.url.partition("?")[0]
    try:
        response = httpx.get(question.url, headers=dict(question.headers), timeout=_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        found = f"{place} does not answer ({type(error).__name__})"
        remedy = "see that this machine may reach it (DNS, firewall), and that the address is right"
        return fail(question.part, found, remedy)
    if response.status_code in _REFUSED or _code(response) in _REFUSED:
        remedy = f"set {question.variable} to a key that may {question.refused_to}"
        return fail(question.part, f"{question.variable} is not accepted", remedy)
    if response.status_code >= _SERVER_ERROR or response.is_redirect:
        found = f"{place} answers with status {response.status_code}: the key could not be checked"
        return warn(question.part, found, "try again later")
    sandbox = " by the sandbox" if "X-Darkroom-Sandbox" in response.headers else ""
    return ok(question.part, f"{question.variable} is accepted{sandbox}")


def _code(response: httpx.Response) -> object:
    """The code that LinkModel puts into the body of an answer whose status is 200 all the same."""
    try:
        document = response.json()
    except ValueError:
        return None
    return document.get("code") if isinstance(document, dict) else None
