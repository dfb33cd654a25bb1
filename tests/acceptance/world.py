"""The whole of Darkroom as real processes, between emulators of everything that it talks to."""

import io
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cli.stack.console import Console
from cli.stack.ports import free_port
from cli.stack.stack import Stack
from services.settings import Settings
from tests.emulators import fal as fal_emulator
from tests.emulators import fal_platform
from tests.emulators import linkmodel as linkmodel_emulator
from tests.emulators.cdn import Cdn
from tests.emulators.fal import Fal
from tests.emulators.fal_platform import Platform
from tests.emulators.linkmodel import LinkModel
from tests.emulators.receiver import Receiver

ENDED = frozenset({"succeeded", "failed", "canceled", "review"})


@dataclass(frozen=True, slots=True)
class Emulators:
    """Everything outside of Darkroom."""

    cdn: Cdn
    fal: Fal
    platform: Platform
    linkmodel: LinkModel
    receiver: Receiver

    @property
    def settings(self) -> dict[str, str]:
        """What points Darkroom at them."""
        return {
            "fal_queue_url": self.fal.server.url,
            "fal_platform_url": self.platform.api_url,
            "fal_jwks_url": self.platform.jwks_url,
            "linkmodel_url": self.linkmodel.url,
            "fal_key": fal_emulator.KEY,
            "linkmodel_api_key": linkmodel_emulator.KEY,
            "private_hosts": "127.0.0.1",
        }

    @property
    def violations(self) -> list[str]:
        """What Darkroom did that a contract forbids."""
        leaks = [f"a key went to {request.path}" for request in self.cdn.keys_leaked]
        return [*self.fal.violations, *self.platform.violations, *self.linkmodel.violations, *leaks]


@dataclass(frozen=True, slots=True)
class World:
    """A running stack, a client with its first key, and the emulators around it."""

    emulators: Emulators
    stack: Stack
    client: httpx.Client

    def submit(self, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """Submit a job that must be accepted."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post("/v1/jobs", json=body, headers=sent)
        assert answer.status_code == 202, f"{body} -> {answer.status_code} {answer.text}"
        return dict(answer.json())

    def job(self, job_id: str, wait: int = 0) -> dict[str, Any]:
        """A job as it stands now, or when it has ended within ``wait`` seconds."""
        answer = self.client.get(f"/v1/jobs/{job_id}", params={"wait": wait} if wait else {})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def status(self, job_id: str) -> str:
        """Where a job stands."""
        return str(self.job(job_id)["status"])

    def ended(self, job_id: str, seconds: int = 60) -> dict[str, Any]:
        """A job at its end, which must come within so many seconds (60 at most)."""
        job = self.job(job_id, wait=seconds)
        assert job["status"] in ENDED, f"still {job['status']} after {seconds} s: {job}"
        return job

    def kill(self, name: str) -> None:
        """End a process of the stack, and what it started, as a crash or a lack of memory would."""
        os.killpg(self.process(name), signal.SIGKILL)

    def process(self, name: str) -> int:
        """The process id of a part of the stack."""
        wanted = "workers.watcher" if name == "watcher" else f" {name}@"
        for entry in Path("/proc").glob("[0-9]*"):
            if _is_ours(entry, self.stack.folder.root) and wanted in _command(entry):
                return int(entry.name)
        raise AssertionError(f"{name} does not run")

    def logs(self, name: str) -> str:
        """What a process of the stack wrote."""
        return (self.stack.folder.logs / f"{name}.log").read_text(encoding="utf-8")


def _is_ours(entry: Path, folder: Path) -> bool:
    """Whether a process was started within this very process by the stack in ``folder``."""
    try:
        parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]
        told = entry.joinpath("environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return parent == str(os.getpid()) and f"DARKROOM_DATA_DIR={folder}".encode() in told


def _command(entry: Path) -> str:
    return entry.joinpath("cmdline").read_text().replace("\0", " ")


@contextmanager
def emulators() -> Iterator[Emulators]:
    """Both providers, the content network and a receiver of callbacks, to the end of the block."""
    with ExitStack() as stack:
        cdn = stack.enter_context(Cdn().serving())
        fal = stack.enter_context(Fal(cdn).serving())
        platform = stack.enter_context(Platform(fal).serving())
        linkmodel = stack.enter_context(LinkModel(cdn).serving())
        receiver = stack.enter_context(Receiver().serving())
        yield Emulators(cdn, fal, platform, linkmodel, receiver)


@contextmanager
def world(folder: Path, **chosen: str | int) -> Iterator[World]:
    """The stack on ``folder`` with ``chosen`` settings, ready, to the end of the block."""
    with emulators() as around:
        settings = Settings(
            _env_file=None,
            **{  # type: ignore[arg-type]
                "data_dir": folder,
                "port": free_port(),
                "flower_port": free_port(),
                **around.settings,
                **chosen,
            },
        )
        stack = Stack(settings, Console(io.StringIO()))
        stack.start()
        try:
            stack.wait_ready()
            around.receiver.secret = (folder / "callback-secret").read_text(encoding="utf-8").strip()
            key = stack.folder.api_key.read_text(encoding="utf-8").strip()
            with _client(stack.url, key) as client:
                yield World(around, stack, client)
        finally:
            stack.stop()


def _client(url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    # No connection is kept: the server may close an idle one just as it is used again.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, headers=headers, timeout=75, trust_env=False, limits=limits)


ADMIN_KEY = fal_platform.ADMIN_KEY
