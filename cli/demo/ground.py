"""Where the demo plays: a Darkroom that runs already, or one of its own; never with real money."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from cli.client import Client
from cli.connection import Connection, connection
from cli.errors import Failed, Misused, Unreachable
from cli.output import Output
from cli.stack.console import Console
from cli.stack.environment import Plan
from cli.stack.failures import StackError
from cli.stack.folder import DataFolder
from cli.stack.ports import free_port, listening
from cli.stack.stack import MakeApplications, Stack
from cli.whereabouts import whereabouts, with_whereabouts
from services.settings import Settings

_PROVIDERS: Final = ("fal", "LinkModel")
_LOOK_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Ground:
    """A Darkroom whose providers are both the sandbox; ``check`` raises when it cannot go on."""

    connection: Connection
    sandbox_url: str
    settings: Settings
    check: Callable[[], None] = lambda: None


@contextmanager
def ground(settings: Settings, output: Output, apps: MakeApplications = with_whereabouts) -> Iterator[Ground]:
    """A place to play: what runs already is left as it is, what is started here is stopped at the end.

    Raises:
        Misused: a provider is not the sandbox.
        Unreachable: no Darkroom answers where ``DARKROOM_URL`` says.
        Failed: the stack did not start, or broke down.
    """
    if _answers(settings.base_url):
        output.note(f"using the Darkroom that runs at {settings.base_url}")
        yield _running(settings)
    elif settings.url is not None:
        raise Unreachable(f"No Darkroom answers at {settings.url}: start one there, or unset DARKROOM_URL")
    else:
        try:
            with _started(_on_free_ports(settings), output, apps) as own:
                yield own
        except StackError as error:
            raise Failed("\n".join([*(f"  {line}" for line in error.last_lines), str(error)])) from error


def insist_on_sandbox(models: Mapping[str, Any]) -> None:
    """Look through the API's catalogue; raises Misused unless a sandbox plays every provider."""
    offers = [offer for model in models["data"] for offer in model["offers"]]
    real = sorted({offer["provider"] for offer in offers if offer["configured"] and not offer["sandbox"]})
    if real:
        raise Misused(_refusal(real))
    absent = sorted({offer["provider"] for offer in offers if not offer["configured"]})
    if absent:
        raise Misused(
            f"the demo needs the sandbox in the place of {' and '.join(absent)}, which this Darkroom "
            "does not use at all: stop it, and the demo starts one of its own"
        )


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/healthz", timeout=_LOOK_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.is_success and answer.headers.get("Content-Type", "").startswith("application/json")


def _running(settings: Settings) -> Ground:
    known = connection(settings)
    with Client(known) as client:
        insist_on_sandbox(client.get("/v1/models"))
    sandbox_url = settings.sandbox_url or whereabouts(settings.data_dir.expanduser()).sandbox_url
    if sandbox_url is None:
        raise Misused(
            f"the sandbox of the Darkroom at {known.url} is not known here: set DARKROOM_SANDBOX_URL, or "
            "DARKROOM_DATA_DIR to the data folder of that Darkroom"
        )
    return Ground(known, sandbox_url, settings)


@contextmanager
def _started(settings: Settings, output: Output, apps: MakeApplications) -> Iterator[Ground]:
    logs = DataFolder.at(settings.data_dir).logs
    logs.mkdir(mode=0o700, exist_ok=True)
    # Every process has a log file of its own; this one holds all of them in the order of time.
    with (logs / "demo.log").open("a", encoding="utf-8") as joined:
        stack = Stack(settings, Console(joined, colour=False), apps)
        _insist_on_plan(stack.plan)
        with _ended_orderly(), closing(_Stopper(stack, output)):
            output.note(f"starting a Darkroom of the demo's own; its logs are in {logs}")
            with output.telling("starting PostgreSQL, Valkey, the sandbox and Darkroom"):
                stack.start()
                stack.wait_ready()
            own = settings.model_copy(update={"data_dir": stack.folder.root})
            yield Ground(connection(own), stack.environment["DARKROOM_SANDBOX_URL"], own, stack.check)


@dataclass(frozen=True, slots=True)
class _Stopper:
    """Stops the stack when it is closed, and says so meanwhile."""

    stack: Stack
    output: Output

    def close(self) -> None:
        with self.output.telling("stopping what the demo started"):
            self.stack.stop()


@contextmanager
def _ended_orderly() -> Iterator[None]:
    """Told to end, the demo ends as after Ctrl-C: it stops its stack and leaves nothing to the reaper."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _insist_on_plan(plan: Plan) -> None:
    real = [one.part for one in plan.choices if one.part in _PROVIDERS and one.source != "sandbox"]
    if real:
        raise Misused(_refusal(real))


def _refusal(real: list[str]) -> str:
    return (
        f"the demo never spends real money, and the key of {' and '.join(real)} is set: run it without "
        "FAL_KEY and LINKMODEL_API_KEY, in the environment and in .env"
    )


def _on_free_ports(settings: Settings) -> Settings:
    """Other ports where the usual ones are taken; what was chosen by the user stays."""
    taken = {
        name: free_port()
        for name in ("port", "flower_port")
        if name not in settings.model_fields_set and listening(getattr(settings, name))
    }
    return settings.model_copy(update=taken)
