import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer

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
    return Downloader(ANYWHERE_HERE, total_seconds=60, read_seconds=60)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate and its key for media.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[tuple[HTTPServer, list[str | None]]]:
    """A server for media.example on loopback, and the names that TLS clients asked it for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    with HTTPServer(host="127.0.0.1", port=0, ssl_context=context) as server:
        yield server, asked
