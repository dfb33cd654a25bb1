"""Secrets at rest: sealed with a key that is derived from the installation's one secret."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_OPEN_SECONDS: Final = 5.0
_OPEN_MOST: Final = 256


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


class Opened:
    """Opens secrets, and keeps those that are needed over and over open for seconds; safe in threads."""

    def __init__(self, box: SecretBox, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._box = box
        self._clock = clock
        self._open: dict[bytes, tuple[str, float]] = {}

    def open(self, sealed: bytes) -> str:
        """The sealed text; raises SecretUnreadable."""
        now = self._clock()
        found = self._open.get(sealed)
        if found is not None and now < found[1]:
            return found[0]
        text = self._box.open(sealed)
        if len(self._open) >= _OPEN_MOST:
            self._open.clear()
        self._open[sealed] = (text, now + _OPEN_SECONDS)
        return text
