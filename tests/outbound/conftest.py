import pytest

from outbound.addresses import PrivateHosts
from tests.outbound.samples import Samples, make_samples

LOOPBACK = PrivateHosts.parse("127.0.0.1")


@pytest.fixture
def loopback() -> PrivateHosts:
    return LOOPBACK


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return make_samples(tmp_path_factory.mktemp("samples"))
