"""The Celery application: few tasks that carry ids, each safe to run twice."""

import os
import socket
from typing import Final
from uuid import UUID

from celery import Celery
from celery.apps.worker import Worker
from celery.signals import (
    celeryd_after_setup,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)

from services.batches.expanding import expand
from services.collect import collect
from services.garbage import settle
from services.logs import configure
from services.settings import SettingMissing, Settings
from storage.queue import COLLECT, DELIVER, READ, SUBMIT, make_app
from workers.parts import close, courier, parts, submitter

# How far a worker steps back that only reads files; 19 is the most.
_NICE: Final = 10


def create() -> Celery:
    """The application on the configured Redis.

    Raises:
        SettingMissing: there is no Redis to listen to.
    """
    redis_url = Settings().redis_url
    if redis_url is None:
        raise SettingMissing("DARKROOM_REDIS_URL", "workers are woken through Redis")
    return make_app(redis_url)


app: Final = create()


@app.task(name=SUBMIT)
def submit_jobs(job_ids: list[str]) -> None:
    """Carry jobs to their providers: one POST each; returns though answers are late, and they are kept."""
    submitter().carry(_ids(job_ids), owner=_owner())


@app.task(name=COLLECT)
def collect_assets(job_ids: list[str]) -> None:
    """Fetch, check and store what jobs have made."""
    collect(parts(), _ids(job_ids), owner=_owner())


@app.task(name=DELIVER)
def deliver_callbacks(delivery_ids: list[str]) -> None:
    """Begin to tell customers; returns once all are on their way, and waits for none of them."""
    courier().begin(_ids(delivery_ids), owner=_owner())


@app.task(name=READ)
def read_batches(batch_ids: list[str]) -> None:
    """Read the files of batches on, row by row, into jobs."""
    for batch_id in _ids(batch_ids):
        expand(parts(), batch_id, owner=_owner())


def _ids(texts: list[str]) -> list[UUID]:
    return [UUID(text) for text in texts]


def _owner() -> str:
    """Who holds a lease: this task on this host, and no other run of it."""
    request = app.current_task.request if app.current_task else None
    return f"worker:{socket.gethostname()}:{os.getpid()}:{request.id if request else ''}"


@setup_logging.connect
def _log(**_: object) -> None:
    configure()


@celeryd_after_setup.connect
def _let_others_pass(instance: Worker, **_: object) -> None:
    """A worker that only reads files has time: whoever sends and fetches is served first."""
    if set(instance.app.amqp.queues.consume_from) == {"batches"}:
        os.nice(_NICE)


@celeryd_after_setup.connect
def _before_it_forks(**_: object) -> None:
    settle()


@worker_process_init.connect
def _warm(**_: object) -> None:
    """Build the parts while the process starts, so that its first job does not wait for them."""
    parts()
    settle()


# The one ends a process of a pool, the other a worker whose tasks are threads.
@worker_shutdown.connect
@worker_process_shutdown.connect
def _shut(**_: object) -> None:
    close()
