"""The commands of Darkroom's own processes, as the Procfile and the compose file have them too."""

import sys
from dataclasses import dataclass
from pathlib import Path

from cli.stack.child import Program
from cli.stack.ports import LOOPBACK

# On TERM a Celery worker would wait for its tasks without bound; QUIT has a bounded end that loses nothing.
_BOUNDED_END = {"REMAP_SIGTERM": "SIGQUIT"}
_CELERY = ("celery", "-A", "workers.app:app")
# Workers need not hear of each other, and they tell of their tasks only while Flower asks them to.
_QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")


@dataclass(frozen=True, slots=True)
class Applications:
    """What the stack runs beside its services: one-time steps in order, then processes that stay."""

    steps: tuple[Program, ...]
    processes: tuple[Program, ...]


def darkroom(port: int, flower_port: int, host: str = LOOPBACK) -> Applications:
    """Darkroom itself: the schema and the first API key, then every process."""
    return Applications(
        steps=(
            Program("migrate", ("python", "-m", "storage.migrate")),
            Program("bootstrap", ("python", "-m", "services.bootstrap")),
        ),
        processes=(
            _web(host, port),
            _worker("worker", "-Q", "collect", "-c", "4"),
            # Apart, so that files which are slow to come hold up no job that is to be sent.
            _worker("submits", "-Q", "image,video", "--pool", "threads", "-c", "4"),
            _worker("callbacks", "-Q", "callbacks", "--pool", "threads", "-c", "16"),
            # Apart, so that a file of 100,000 rows takes no process from those who send and fetch.
            _worker("batches", "-Q", "batches", "--pool", "threads", "-c", "2"),
            Program("watcher", ("python", "-m", "workers.watcher")),
            Program("flower", (*_CELERY, "flower", f"--address={LOOPBACK}", f"--port={flower_port}")),
        ),
    )


def sandbox(port: int, folder: Path | None = None) -> Program:
    """Both providers' emulator, for the providers that have no key; in ``folder`` it outlives its process."""
    kept = () if folder is None else ("--folder", str(folder))
    return Program("sandbox", (sys.executable, "-m", "sandbox", "--port", str(port), *kept))


def _web(host: str, port: int) -> Program:
    where = ("--host", host, "--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "5")
    return Program("web", ("uvicorn", "--factory", "api.app:create", *where))


def _worker(name: str, *chosen: str) -> Program:
    command = (*_CELERY, "worker", "-n", f"{name}@%h", *chosen, *_QUIET)
    return Program(name, command, _BOUNDED_END)
