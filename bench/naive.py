"""The service as most would write it: a Celery task that sends, sleeps and polls until its picture is there.

``celery -A bench.naive:app worker`` runs it; it stands beside Darkroom in the same run.
"""

import os
import time
from pathlib import Path
from typing import Final

import httpx
from celery import Celery

POLL_SECONDS: Final = 2.0

app: Final = Celery("naive", broker=os.environ.get("NAIVE_BROKER"))
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, task_ignore_result=True)


@app.task
def generate(prompt: str) -> None:
    """Make one picture, and hold a worker process until it is made."""
    headers = {"Authorization": "Key naive"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        url = f"{os.environ['NAIVE_QUEUE']}/fal-ai/flux/dev"
        request = client.post(url, json={"prompt": prompt}).json()
        while client.get(request["status_url"]).json()["status"] != "COMPLETED":
            time.sleep(POLL_SECONDS)
        image = client.get(request["response_url"]).json()["images"][0]
        (Path(os.environ["NAIVE_FOLDER"]) / request["request_id"]).write_bytes(
            client.get(image["url"]).content
        )
