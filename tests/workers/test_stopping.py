"""Stopping a worker that has requests on the wire: their answers are waited for, and written down."""

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cli.stack.child import Program
from domain.generation import JobRequest
from domain.lifecycle import JobStatus
from services.reading import job as read_job
from storage.queue import SUBMIT, CeleryQueue, Note, make_app
from tests.support.front import new_project, running_parts
from tests.support.running import running
from tests.support.taking import accept
from tests.support.until import until

JOBS = 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("late", "said"), [(False, "Soft Shutdown"), (True, "Hitting Ctrl+C again")], ids=["in time", "late"]
)
def test_what_is_on_the_wire_when_a_worker_is_asked_to_stop_is_written_down(
    database_url: str,
    valkey: str,
    tmp_path: Path,
    late: bool,  # noqa: FBT001 - a case
    said: str,
) -> None:
    heard, answer = threading.Semaphore(0), threading.Event()

    def submitted(request: Request) -> Response:
        heard.release()
        assert answer.wait(60)
        made = {"request_id": f"r-{json.loads(request.data)['prompt']}", "queue_position": 0}
        return Response(json.dumps(made), content_type="application/json")

    command = (sys.executable, "-m", "celery", "-A", "workers.app:app", "worker", "-c", "1", "-Q", "image")
    with HTTPServer("127.0.0.1", 0, threaded=True) as provider:
        provider.expect_request("/fal-ai/flux/schnell", method="POST").respond_with_handler(submitted)
        url = provider.url_for("").rstrip("/")
        settings = {"fal_queue_url": url, "fal_platform_url": url, "fal_key": "a-key", "redis_url": valkey}
        extra = {
            "DARKROOM_DATABASE_URL": database_url,
            "DARKROOM_REDIS_URL": valkey,
            "DARKROOM_SECRET_KEY": "a secret of the tests",
            "DARKROOM_DATA_DIR": str(tmp_path),
            "FAL_KEY": "a-key",
            "DARKROOM_FAL_QUEUE_URL": url,
            "DARKROOM_FAL_PLATFORM_URL": url,
            "REMAP_SIGTERM": "SIGQUIT",
        }
        worker = Program("worker", command, extra)
        parts = running_parts(database_url, tmp_path, **settings, linkmodel_api_key=None)
        with parts as built, running(worker, lambda: True, tmp_path / "logs") as child:
            runtime = replace(built, queue=CeleryQueue(valkey))
            project_id = new_project(runtime).id
            bodies = [{"model": "flux-schnell", "input": {"prompt": str(number)}} for number in range(JOBS)]
            job_ids = [
                accept(runtime, project_id=project_id, request=JobRequest.model_validate(body)).job_id
                for body in bodies
            ]
            runtime.queue.publish([Note(SUBMIT, "image", tuple(job_ids))])
            for _ in range(JOBS):
                assert heard.acquire(timeout=60)
            if late:
                # The task is over, and the answers are still to come.
                until(lambda: _idle(valkey), "the task to return", 30)
            child.ask_to_stop()
            until(lambda: said in _log(tmp_path), "the worker to hear of it")
            answer.set()
            until(lambda: child.poll() is not None, "its end", 30)
            views = [read_job(runtime, project_id=project_id, job_id=job_id) for job_id in job_ids]
    assert {view["status"] for view in views} == {JobStatus.RUNNING}
    assert sorted(len(view["attempts"]) for view in views) == [1] * JOBS
    assert len(provider.log) >= JOBS


def _idle(valkey: str) -> bool:
    """Whether there is a worker, and no task in it."""
    active = make_app(valkey).control.inspect(timeout=1).active()
    return active is not None and not any(active.values())


def _log(folder: Path) -> str:
    return (folder / "logs" / "worker.log").read_text()
