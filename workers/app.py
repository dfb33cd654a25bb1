"""The Celery application: three short tasks that carry an id, each safe to run twice."""

import os
import socket
from typing import Final
from uuid import UUID

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from services.collect import collect
from services.deliver import deliver
from services.logs import configure
from services.settings import SettingMissing, Settings
from services.submit import submit
from storage.queue import COLLECT, DELIVER, SUBMIT, make_app
from workers.parts import close, parts


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
def submit_job(job_id: str) -> None:
    """Carry one job to its provider: one POST."""
    submit(parts(), UUID(job_id), owner=_owner())


@app.task(name=COLLECT)
def collect_assets(job_id: str) -> None:
    """Fetch, check and store what a job has made."""
    collect(parts(), UUID(job_id), owner=_owner())


@app.task(name=DELIVER)
def deliver_callback(delivery_id: str) -> None:
    """Try once to tell a customer."""
    deliver(parts(), UUID(delivery_id), owner=_owner())


def _owner() -> str:
    """Who holds a lease: this task on this host, and no other run of it."""
    request = app.current_task.request if app.current_task else None
    return f"worker:{socket.gethostname()}:{os.getpid()}:{request.id if request else ''}"


@setup_logging.connect
def _log(**_: object) -> None:
    configure()


@worker_process_init.connect
def _warm(**_: object) -> None:
    """Build the parts while the process starts, so that its first job does not wait for them."""
    parts()


@worker_process_shutdown.connect
def _shut(**_: object) -> None:
    close()
