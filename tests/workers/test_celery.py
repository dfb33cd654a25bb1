"""Celery's side: tasks that carry an id to a service, in this process and in a real worker process."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from celery.signals import worker_process_shutdown, worker_shutdown
from pytest_httpserver import HTTPServer

from cli.stack.child import Program
from domain.costs import Basis, Cost
from domain.generation import JobRequest
from domain.lifecycle import JobStatus
from providers.base import Finished, Output
from sandbox.testing import SandboxServer
from services.cancel import cancel
from services.reading import job as read_job
from services.settings import SettingMissing
from storage.queue import QUEUES, CeleryQueue
from tests.support.engine import Engine
from tests.support.files import a_picture
from tests.support.front import new_project, running_parts
from tests.support.running import running
from tests.support.taking import accept
from tests.support.until import until
from tests.support.watching import watching
from workers.parts import close, parts

PROMPT: Final = "a prompt that belongs in no log"
SECRET: Final = "sandbox-key-that-belongs-in-no-log"


def environment(database_url: str, redis_url: str, folder: Path, sandbox: SandboxServer) -> dict[str, str]:
    return {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_REDIS_URL": redis_url,
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(folder),
        "DARKROOM_PRIVATE_HOSTS": "127.0.0.1",
        "FAL_KEY": SECRET,
        "DARKROOM_FAL_QUEUE_URL": sandbox.fal_queue_url,
        "DARKROOM_FAL_PLATFORM_URL": sandbox.fal_platform_url,
        "DARKROOM_FAL_JWKS_URL": sandbox.fal_jwks_url,
    }


@pytest.fixture
def module(
    database_url: str, valkey: str, tmp_path: Path, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The tasks in this process, with parts built from the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(database_url, valkey, tmp_path, sandbox).items():
        monkeypatch.setenv(name, value)
    yield importlib.import_module("workers.app")
    close()


def test_there_is_no_application_without_a_redis(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKROOM_REDIS_URL")
    with pytest.raises(SettingMissing, match="DARKROOM_REDIS_URL"):
        module.create()


def test_each_task_does_the_work_of_its_name(
    module: ModuleType, engine: Engine, sandbox: SandboxServer, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/1").respond_with_data(a_picture())
    httpserver.expect_request("/hook").respond_with_data("thanks")
    sent = engine.accept("flux-schnell")
    module.app.tasks["submit"].apply([[str(sent)]])
    assert engine.job(sent).status == JobStatus.RUNNING
    assert len(sandbox.submits()) == 1
    made = engine.running()
    cost = Cost(1, Basis.PROVIDER_PRICE, final=True)
    engine.sees(made, Finished((Output(httpserver.url_for("/1")),), cost))
    module.app.tasks["collect"].apply([[str(made)]])
    assert engine.job(made).status == JobStatus.SUCCEEDED
    told = engine.accept(callback_url=httpserver.url_for("/hook"))
    cancel(engine.runtime, project_id=engine.project_id, job_id=told)
    module.app.tasks["deliver"].apply([[str(engine.deliveries(told)[0].id)]])
    # A worker that ends waits for the callbacks that it has begun.
    worker_shutdown.send(sender=module.app)
    assert engine.deliveries(told)[0].status == "delivered"


def test_a_process_builds_its_parts_once_and_gives_them_back_at_its_end(module: ModuleType) -> None:
    first = parts()
    assert parts() is first
    worker_process_shutdown.send(sender=module.app)
    assert parts() is not first


def test_the_queues_are_the_ones_that_are_published_to(module: ModuleType) -> None:
    assert [queue.name for queue in module.app.conf.task_queues] == list(QUEUES)
    assert {"submit", "collect", "deliver"} <= set(module.app.tasks)


def test_logs_go_to_standard_error_one_line_per_event() -> None:
    program = (
        "import logging, structlog\n"
        "from services.logs import configure\n"
        "configure()\n"
        "log = structlog.get_logger()\n"
        "log.debug('unheard')\n"
        "log.warning('heard', job_id='j-1')\n"
        "logging.getLogger('library').warning('of a library')\n"
        "logging.getLogger('library').info('chatter')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    ours, library = done.stderr.splitlines()
    assert "heard" in ours
    assert "job_id=j-1" in ours
    assert library == "WARNING library of a library"


@pytest.mark.timeout(180)
def test_a_real_worker_process_carries_a_job_from_submit_to_callback_and_logs_no_secret(
    database_url: str, valkey: str, tmp_path: Path, sandbox: SandboxServer
) -> None:
    command = (sys.executable, "-m", "celery", "-A", "workers.app:app", "worker", "-c", "2")
    extra = environment(database_url, valkey, tmp_path, sandbox) | {"REMAP_SIGTERM": "SIGQUIT"}
    worker = Program("worker", (*command, "-Q", ",".join(QUEUES), "--loglevel", "INFO"), extra)
    logs = tmp_path / "logs"
    settings = {"fal_key": SECRET, "fal_queue_url": sandbox.fal_queue_url, "linkmodel_api_key": None}
    settings |= {"fal_platform_url": sandbox.fal_platform_url, "redis_url": valkey}
    with (
        running_parts(database_url, tmp_path, **settings) as built,
        running(worker, lambda: True, logs) as child,
    ):
        runtime = replace(built, queue=CeleryQueue(valkey))
        project_id = new_project(runtime).id
        callback = f"{sandbox.url}/callbacks/{project_id}"
        body = {"model": "flux-schnell", "input": {"prompt": PROMPT}, "callback_url": callback}
        with watching(runtime):
            request = JobRequest.model_validate(body)
            job_id = accept(runtime, project_id=project_id, request=request).job_id
            until(lambda: sandbox.callbacks(str(project_id)) or child.poll() is not None, "the callback", 90)
        assert read_job(runtime, project_id=project_id, job_id=job_id)["status"] == "succeeded"
    assert child.poll() == 0
    log = (logs / "worker.log").read_text()
    assert "attempt_accepted" in log
    assert "Traceback" not in log
    for hidden in (PROMPT, SECRET, "X-Amz-Signature", "/files/", "whsec_"):
        assert hidden not in log
