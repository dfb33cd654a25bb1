"""Darkroom as in production: PostgreSQL, Redis and S3 of one's own, and a public address for webhooks."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis as RedisClient

from cli.stack.child import Child
from cli.stack.ports import free_port
from cli.stack.valkey import Valkey
from tests.acceptance.world import ADMIN_KEY, World, world
from tests.support.postgres import debian_postgres
from tests.support.required import require
from tests.support.running import running
from tests.support.seaweed import SeaweedServer, start_seaweed

BUCKET = "made-for-customers"


@dataclass(slots=True)
class Redis:
    """Debian's Redis on a port that stays, whether it runs or not."""

    server: Valkey
    logs: Path
    _block: AbstractContextManager[Child] | None = field(default=None)
    _child: Child | None = field(default=None)

    @property
    def url(self) -> str:
        """What DARKROOM_REDIS_URL names."""
        return self.server.url

    def start(self) -> None:
        """Run it; returns when it answers."""
        self.server.prepare()
        self._block = running(self.server.program(), self.server.answers, self.logs)
        self._child = self._block.__enter__()

    def stop(self) -> None:
        """End it."""
        if self._block is not None:
            self._block.__exit__(None, None, None)
            self._block = None

    def empty(self) -> None:
        """Forget everything that is in it."""
        with RedisClient.from_url(self.url) as client:
            client.flushall()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Keep it from answering anything for the length of the block, with its connections open."""
        assert self._child is not None
        os.kill(self._child.group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._child.group, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Production:
    """The stack and the services that it was given."""

    world: World
    redis: Redis
    s3: SeaweedServer


@contextmanager
def production(folder: Path) -> Iterator[Production]:
    """Everything of one's own, to the end of the block."""
    redis_binary = shutil.which("redis-server")
    require(redis_binary, "redis-server (apt-get install redis-server)")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        postgres = stack.enter_context(debian_postgres(_made(folder / "own-postgres")))
        own = _made(folder / "own-redis")
        redis = Redis(Valkey.at(own / "data", free_port(), Path(str(redis_binary))), own / "logs")
        redis.start()
        stack.callback(redis.stop)
        s3 = start_seaweed(_made(folder / "own-s3"))
        stack.callback(s3.stop)
        s3.session().client("s3", endpoint_url=s3.endpoint).create_bucket(Bucket=BUCKET)
        # The object store's credentials come by boto3's own chain.
        environment.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        port = free_port()
        chosen: dict[str, str | int] = {
            "port": port,
            "public_url": f"http://127.0.0.1:{port}",
            "database_url": postgres.database(),
            "redis_url": redis.url,
            "s3_bucket": BUCKET,
            "s3_endpoint_url": s3.endpoint,
            "secret_key": "a secret of one's own, long enough to sign with",
            "fal_admin_key": ADMIN_KEY,
        }
        yield Production(stack.enter_context(world(folder / "data", **chosen)), redis, s3)


def _made(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    return folder
