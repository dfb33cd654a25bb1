"""Secrets at rest: sealed with a key that is derived from the installation's one secret."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SecretUnreadable(RuntimeError):  # noqa: N818 - names the fact
    """A sealed secret does not open: DARKROOM_SECRET_KEY is not the one that it was sealed with."""


def derive(secret_key: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, so that no two uses share one."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(
        secret_key.encode()
    )


class SecretBox:
    """Seals and opens short texts such as callback secrets."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(urlsafe_b64encode(derive(secret_key, "secrets at rest")))

    def seal(self, text: str) -> bytes:
        """``text``, readable only with this installation's secret."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The sealed text; raises SecretUnreadable."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SecretUnreadable(
                "a stored secret does not open: DARKROOM_SECRET_KEY is not the one it was sealed with; "
                "set the former key again"
            ) from error
