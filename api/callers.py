"""Who calls: the bearer key, and the scope that a route needs."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.answers import Problem
from api.parts import TheParts
from services.access import Caller, KeyRing, Scope

_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key of a project: `Authorization: Bearer dk_…`."
)
_CHALLENGE: Final = 'Bearer realm="darkroom"'

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def needs(scope: Scope) -> Callable[[Credentials, TheParts], Awaitable[Caller]]:
    """A dependency that lets through the keys whose scope covers ``scope``."""

    async def caller(credentials: Credentials, parts: TheParts) -> Caller:
        return await _let_through("" if credentials is None else credentials.credentials, parts.keys, scope)

    return caller


async def caller_of(request: Request, keys: KeyRing, scope: Scope) -> Caller:
    """Who asks, for a route that does without dependencies; raises Problem (401, 403)."""
    scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
    return await _let_through(key if scheme.lower() == "bearer" else "", keys, scope)


async def _let_through(key: str, keys: KeyRing, scope: Scope) -> Caller:
    if not key:
        raise _unauthorized("no key came: send Authorization: Bearer dk_…")
    found = keys.remembered(key) or await run_in_threadpool(keys.look_up, key)
    if found is None:
        raise _unauthorized(
            "this key is not known here, or was revoked: send another", ', error="invalid_token"'
        )
    if not found.scope.covers(scope):
        raise _forbidden(found.scope, scope)
    return found


def _unauthorized(sentence: str, more: str = "") -> Problem:
    return Problem(401, "unauthorized", sentence, headers={"WWW-Authenticate": _CHALLENGE + more})


def _forbidden(has: Scope, needed: Scope) -> Problem:
    return Problem(
        403,
        "insufficient_scope",
        f"this needs a key with the scope {needed}; the one that came has {has}",
        headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'},
        more={"needed_scope": needed.value},
    )


Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Submitter = Annotated[Caller, Depends(needs(Scope.SUBMIT))]
Admin = Annotated[Caller, Depends(needs(Scope.ADMIN))]
