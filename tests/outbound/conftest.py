from pathlib import Path

import pytest

from outbound.addresses import PrivateHosts
from outbound.download import Downloader
from tests.outbound.fetching import ANYWHERE_HERE
from tests.outbound.samples import Samples, make_samples

LOOPBACK = PrivateHosts.parse("127.0.0.1")


@pytest.fixture
def loopback() -> PrivateHosts:
    return LOOPBACK


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return make_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "asset"


@pytest.fixture
def downloader() -> Downloader:
    return Downloader(ANYWHERE_HERE, total_seconds=20, read_seconds=5)
