"""Checking the demo's callbacks as a customer would: with the Standard Webhooks library and the secret."""

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from cli.client import Client
from cli.demo.findings import Finding
from cli.demo.truth import Truth
from services.settings import Settings

_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25


def signing_secret(settings: Settings, client: Client) -> str:
    """The secret from the data folder, where the first start leaves it, or else from the API."""
    path = settings.data_dir.expanduser() / "callback-secret"
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    secret: str = client.get("/v1/signing-secret")["secret"]
    return secret


def await_callbacks(
    truth: Truth, name: str, count: int, *, patience: float = _PATIENCE_SECONDS
) -> list[dict[str, Any]]:
    """What was posted to ``name`` once there are ``count`` messages, or after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while True:
        received = truth.callbacks(name)
        if (
            len({one["headers"].get("webhook-id") for one in received}) >= count
            or time.monotonic() > deadline
        ):
            return received
        time.sleep(_LOOK_SECONDS)


def check_callbacks(
    received: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[str, Any]], secret: str
) -> Finding:
    """Whether each job was told of by a message whose signature holds and whose word is true."""
    deviations: list[str | None] = []
    told: dict[str, str] = {}
    for one in received:
        try:
            message = Webhook(secret).verify(base64.b64decode(one["body_base64"]), dict(one["headers"]))
        except WebhookVerificationError as error:
            deviations.append(f"a callback's signature does not hold: {error}")
        else:
            told[message["data"]["id"]] = message["type"]
    deviations += [_deviation(job, told.get(job["id"])) for job in jobs]
    return Finding.of(f"{len(told)} callbacks came, every signature holds", deviations)


def _deviation(job: Mapping[str, Any], told: str | None) -> str | None:
    wanted = f"job.{job['status']}"
    if told == wanted:
        return None
    return f"{job['tags']['scene']}: {told or 'no callback'} came instead of {wanted}"
