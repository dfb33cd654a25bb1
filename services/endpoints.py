"""Endpoints of a project: made, changed, rotated, disabled and deleted; and the project's own secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from outbound.callbacks import new_secret
from outbound.guard import BlockedAddress, check_url
from services.access import FIRST_PROJECT
from services.left_files import renew_callback_secret
from services.refusals import Conflict, NotFound, Unprocessable
from services.runtime import Runtime
from services.views import timestamp
from storage import access, endpoints
from storage.database import Session
from storage.records import EndpointRecord

MOST: Final = 1000
# How long a replaced secret signs too.
BOTH_SIGN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What an endpoint is to be; ``event_types`` None means all."""

    url: str
    event_types: Sequence[str] | None = None
    description: str = ""
    enabled: bool = True


def create(runtime: Runtime, project_id: UUID, wanted: NewEndpoint) -> dict[str, Any]:
    """A new endpoint; ``secret`` is shown here and never again.

    Raises:
        Unprocessable: the address is no place for callbacks.
        Conflict: the project has as many as it may have.
    """
    _check(runtime, wanted.url)
    secret = new_secret()
    record = EndpointRecord(
        project_id=project_id,
        url=wanted.url,
        event_types=_types(wanted.event_types),
        description=wanted.description,
        enabled=wanted.enabled,
        secret=runtime.secrets.seal(secret),
        created_at=runtime.clock(),
    )
    with runtime.database.work() as session:
        access.lock_project(session, project_id)
        if endpoints.count(session, project_id) >= MOST:
            raise Conflict(f"a project has at most {MOST} endpoints: delete one", code="too_many_endpoints")
        session.add(record)
        session.flush()
        return endpoint_view(record) | {"secret": secret}


def listed(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """The endpoints of a project, the oldest first."""
    with runtime.database.work() as session:
        return {
            "object": "list",
            "data": [endpoint_view(one) for one in endpoints.of_project(session, project_id)],
        }


def shown(runtime: Runtime, project_id: UUID, endpoint_id: UUID) -> dict[str, Any]:
    """An endpoint as it stands; raises NotFound."""
    with runtime.database.work() as session:
        return endpoint_view(own(session, project_id, endpoint_id))


def change(
    runtime: Runtime, project_id: UUID, endpoint_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change the named fields alone; raises NotFound, and Unprocessable for an address that is refused.

    What waits goes to a new address; disabling gives it up; enabling clears the reason and the failures.
    """
    if "url" in changes:
        _check(runtime, changes["url"])
    with runtime.database.work() as session:
        record = own(session, project_id, endpoint_id, lock=True)
        for name in changes.keys() & {"url", "description", "enabled"}:
            setattr(record, name, changes[name])
        if "event_types" in changes:
            record.event_types = _types(changes["event_types"])
        if "url" in changes:
            endpoints.move_pending(session, record.id, record.url)
        if "enabled" in changes:
            record.disabled_reason = record.failing_since = None
        if not record.enabled:
            endpoints.give_up_pending(session, record.id, runtime.clock())
        return endpoint_view(record)


def delete(runtime: Runtime, project_id: UUID, endpoint_id: UUID) -> None:
    """Tell an endpoint nothing more; its deliveries stay on record. Raises NotFound."""
    at = runtime.clock()
    with runtime.database.work() as session:
        record = own(session, project_id, endpoint_id, lock=True)
        record.enabled, record.deleted_at = False, at
        endpoints.give_up_pending(session, record.id, at)


def rotate(runtime: Runtime, project_id: UUID, endpoint_id: UUID) -> dict[str, Any]:
    """A new secret, shown here and never again; the old one signs too for a day. Raises NotFound."""
    secret = new_secret()
    with runtime.database.work() as session:
        record = own(session, project_id, endpoint_id, lock=True)
        record.former_secret, record.secret = record.secret, runtime.secrets.seal(secret)
        record.former_until = runtime.clock() + BOTH_SIGN
        return endpoint_view(record) | {"secret": secret}


def rotate_signing_secret(runtime: Runtime, project_id: UUID) -> dict[str, Any]:
    """A new secret for the callback_urls of a project's jobs and batches; the old one signs too for a day.

    Of the first project it also goes into the file that the first start has left.
    """
    secret = new_secret()
    with runtime.database.work() as session:
        access.lock_project(session, project_id)
        record = access.project(session, project_id)
        record.former_secret, record.signing_secret = record.signing_secret, runtime.secrets.seal(secret)
        record.former_until = runtime.clock() + BOTH_SIGN
        session.add(record)
    if record.name == FIRST_PROJECT:
        renew_callback_secret(runtime.settings.data_dir, secret)
    return {"object": "signing_secret", "secret": secret}


def own(session: Session, project_id: UUID, endpoint_id: UUID, *, lock: bool = False) -> EndpointRecord:
    """A project's own endpoint; raises NotFound."""
    found = endpoints.one_of_project(session, project_id, endpoint_id, lock=lock)
    if found is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id} in this project")
    return found


def endpoint_view(record: EndpointRecord) -> dict[str, Any]:
    """An endpoint as the API shows it: everything but its secret."""
    return {
        "id": str(record.id),
        "object": "webhook_endpoint",
        "url": record.url,
        "event_types": record.event_types,
        "description": record.description,
        "enabled": record.enabled,
        "disabled_reason": record.disabled_reason,
        "failing_since": timestamp(record.failing_since),
        "both_secrets_until": timestamp(record.former_until),
        "created_at": timestamp(record.created_at),
    }


def _types(wanted: Sequence[str] | None) -> list[str] | None:
    return None if wanted is None else sorted(set(wanted))


def _check(runtime: Runtime, url: str) -> None:
    try:
        check_url(url, runtime.private_hosts)
    except BlockedAddress as error:
        raise Unprocessable(f"url: {error}", field="url") from error
