"""Accepting a job: requests per second against a route that does nothing and against the textbook's."""

import json
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx

from bench.table import Row
from bench.world import ROOT, World
from cli.stack.child import Child, Program
from cli.stack.ports import free_port

CONNECTIONS: Final = 32
_BODY: Final = {
    "model": "kling-v3",
    "input": {
        "prompt": "a red kite over dunes, early morning light, slow dolly in",
        "duration": 5,
        "resolution": "720p",
        "aspect_ratio": "16:9",
    },
    "routing": {"policy": "cheapest", "max_cost_usd": "0.90"},
    "tags": {"client": "acme", "campaign": "spring"},
}
NOTHING, READ = "a route that does nothing", "a route that reads the body, and does nothing"
TEXTBOOK, OURS = "the textbook's route", "POST /v1/jobs"
BUDGETED = f"{OURS}, three budgets set"
REFUSED, SWALLOWED = f"{OURS}, Redis refusing", f"{OURS}, Redis swallowing packets"


@dataclass(frozen=True, slots=True)
class Web:
    """A web server to ask: one worker process, like ``darkroom up`` runs it."""

    port: int
    child: Child
    headers: tuple[str, ...] = ()
    path: str = "/v1/jobs"


@dataclass(frozen=True, slots=True)
class Round:
    """What one server answered in one round."""

    per_second: float
    cpu_ms: float
    refused: int


def run(world: World) -> list[Row]:
    """Every server is asked in turn, round by round, so that what else the machine does hits all alike."""
    seconds = 2.0 if world.quick else 4.0
    rounds: dict[str, list[Round]] = defaultdict(list)
    body = world.own_folder("accept") / "body.json"
    body.write_text(json.dumps(_BODY), encoding="utf-8")
    with ExitStack() as stack:
        servers = _servers(world, stack)
        for web in servers.values():
            _ask(web, body, 1.0)
        for number in range(world.rounds):
            for name, web in servers.items():
                rounds[name].append(_ask(web, body, seconds))
            world.say(f"  round {number + 1} of {world.rounds}")
    return _rows(rounds)


def _rows(rounds: Mapping[str, list[Round]]) -> list[Row]:
    rows = [Row(name, tuple(one.per_second for one in found), "requests/s") for name, found in rounds.items()]
    rows += [
        Row(f"{name}: CPU of the process", tuple(one.cpu_ms for one in found), "ms/request")
        for name, found in rounds.items()
    ]
    rows.append(Row(f"{BUDGETED}, of none set", _ratios(rounds, BUDGETED, OURS), "x", 0.85, "higher"))
    rows.append(
        Row(f"{BUDGETED}: not accepted", tuple(one.refused for one in rounds[BUDGETED]), "requests", 0)
    )
    for name in (OURS, REFUSED, SWALLOWED):
        rows.append(Row(f"{name}, of nothing", _ratios(rounds, name, NOTHING), "x", 0.4, "higher"))
        rows.append(Row(f"{name}, of reading alone", _ratios(rounds, name, READ), "x"))
        rows.append(Row(f"{name}, of the textbook", _ratios(rounds, name, TEXTBOOK), "x", 5, "higher"))
        rows.append(Row(f"{name}: not accepted", tuple(one.refused for one in rounds[name]), "requests", 0))
    return rows


def _ratios(rounds: Mapping[str, list[Round]], name: str, floor: str) -> tuple[float, ...]:
    pairs = zip(rounds[name], rounds[floor], strict=True)
    return tuple(ours.per_second / theirs.per_second for ours, theirs in pairs)


def _servers(world: World, stack: ExitStack) -> dict[str, Web]:
    database = stack.enter_context(world.postgres())
    redis = stack.enter_context(world.valkey())
    silent = stack.enter_context(swallowing())
    environment = world.environment(database.url, redis.url, FAL_KEY="bench", LINKMODEL_API_KEY="bench")
    bootstrap = (sys.executable, "-m", "services.bootstrap")
    subprocess.run(bootstrap, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    key = (Path(environment["DARKROOM_DATA_DIR"]) / "api-key").read_text(encoding="utf-8").strip()
    redis_urls = {OURS: redis.url, REFUSED: "redis://127.0.0.1:1/0", SWALLOWED: silent}
    nothing = _web(world, stack, "bench.floors:nothing", environment, key)
    started = {
        NOTHING: nothing,
        READ: replace(nothing, path="/read"),
        TEXTBOOK: _web(world, stack, "bench.floors:textbook", environment, key),
    }
    for name, url in redis_urls.items():
        told = environment | {"DARKROOM_REDIS_URL": url}
        started[name] = _web(world, stack, "api.app:create", told, key)
    started[BUDGETED] = replace(
        started[OURS], headers=(f"Authorization: Bearer {_limited(started[OURS], key)}",)
    )
    return started


def _limited(web: Web, key: str) -> str:
    """The key of a project with budgets for the whole of it, for a day and a month, and for a tag."""
    with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", trust_env=False) as client:
        made = client.post(
            "/v1/projects", json={"name": "limited"}, headers={"Authorization": f"Bearer {key}"}
        )
        own = str(made.raise_for_status().json()["api_key"]["key"])
        tag = {"scope": "tag", "tag": {"name": "client", "value": "acme"}}
        for more in ({"period": "day"}, {"period": "month", "warn_at": "0.8"}, {"period": "total"} | tag):
            body = {"scope": "project", "limit_usd": "9000000"} | more
            headers = {"Authorization": f"Bearer {own}"}
            client.put("/v1/budgets", json=body, headers=headers).raise_for_status()
    return own


def _web(world: World, stack: ExitStack, factory: str, environment: Mapping[str, str], key: str) -> Web:
    port = free_port()
    where = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    program = Program(f"web-{port}", (sys.executable, "-m", "uvicorn", "--factory", factory, *where))
    child = stack.enter_context(world.running(program, environment, answers=lambda: _listens(port)))
    return Web(port, child, (f"Authorization: Bearer {key}",))


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _ask(web: Web, body: Path, seconds: float) -> Round:
    before = _cpu_seconds(web.child.group)
    command = (
        *(sys.executable, "-m", "bench.load", str(web.port), web.path, str(body)),
        *(str(seconds), str(CONNECTIONS), *web.headers),
    )
    said = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - our own
    spent = _cpu_seconds(web.child.group) - before
    found = json.loads(said.stdout)
    accepted = found["answered"].get("202", 0)
    refused = sum(found["answered"].values()) - accepted
    return Round(accepted / found["seconds"], spent * 1000 / max(accepted, 1), refused)


def _cpu_seconds(process: int) -> float:
    """CPU time of a process with all its threads; ``utime`` and ``stime`` of proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def swallowing() -> Iterator[str]:
    """The address of a Redis that never answers, not even to a connection attempt."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        # A full backlog drops whatever else knocks.
        for _ in range(2):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
