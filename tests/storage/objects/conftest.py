from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.objects.local import LocalStore
from storage.objects.s3 import S3Store
from tests.support.seaweed import SeaweedServer, start_seaweed

BUCKET = "assets"


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    server = start_seaweed(tmp_path_factory.mktemp("seaweed"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_store(seaweed: SeaweedServer) -> Iterator[S3Store]:
    store = S3Store(BUCKET, endpoint_url=seaweed.endpoint, session=seaweed.session())
    store.ensure_bucket()
    yield store
    store.close()


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", b"a secret of this test", "http://files.test")
