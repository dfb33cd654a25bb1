"""The service as most would write it: a Celery task that sends, sleeps and polls until its picture is there.

``celery -A bench.naive:app worker`` runs it; it stands beside Darkroom in the same run.
"""

import os
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import fal_client
import httpx
from celery import Celery

POLL_SECONDS: Final = 2.0

_ENDPOINT: Final = "fal-ai/flux/dev"

# The client knows no setting for a queue that speaks plain HTTP.
fal_client.client.QUEUE_URL_FORMAT = f"{os.environ.get('NAIVE_QUEUE')}/"

app: Final = Celery("naive", broker=os.environ.get("NAIVE_BROKER"))
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, task_ignore_result=True)


@app.task
def generate(prompt: str) -> None:
    """Make one picture, and hold a worker process until it is made."""
    headers = {"Authorization": "Key naive"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        url = f"{os.environ['NAIVE_QUEUE']}/{_ENDPOINT}"
        request = client.post(url, json={"prompt": prompt}).json()
        while client.get(request["status_url"]).json()["status"] != "COMPLETED":
            time.sleep(POLL_SECONDS)
        _save(client, client.get(request["response_url"]).json())


@app.task
def subscribe(prompt: str) -> None:
    """The same by the client's own call, as fal's documentation has it: it polls ten times a second."""
    result = fal_client.SyncClient(key="naive").subscribe(_ENDPOINT, {"prompt": prompt})
    with httpx.Client(timeout=60, trust_env=False) as client:
        _save(client, result)


def _save(client: httpx.Client, result: dict[str, Any]) -> None:
    picture = client.get(result["images"][0]["url"]).content
    (Path(os.environ["NAIVE_FOLDER"]) / uuid4().hex).write_bytes(picture)
