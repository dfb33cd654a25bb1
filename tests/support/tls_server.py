"""A TLS server on loopback with a certificate of its own making, and the context that vouches for it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from threading import Event
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.raw_server import raw_server, read_request

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def tls_server(folder: Path, name: str, heard: list[bytes]) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A server that calls itself ``name`` and keeps what it hears; gives its port, and who would trust it."""
    place = folder / "server.pem"
    place.write_bytes(_certificate(name))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(place)

    def script(connection: socket, _: Event) -> None:
        with suppress(OSError), serving.wrap_socket(connection, server_side=True) as line:
            heard.append(read_request(line))
            line.sendall(_ANSWER)

    with raw_server(script, reads=False) as url:
        yield int(url.rpartition(":")[2]), ssl.create_default_context(cafile=str(place))


def _certificate(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
