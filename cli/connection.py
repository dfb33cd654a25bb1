"""Where this command's Darkroom answers, and with which key it is asked."""

from dataclasses import dataclass, field

from cli.errors import Misused
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """A base URL and a key; None where no key was found, which only matters once one is asked for.

    ``key_place`` says where the key came from, or where it was looked for.
    """

    url: str
    key: str | None = field(repr=False)
    key_place: str


def connection(settings: Settings) -> Connection:
    """``DARKROOM_URL`` or the port of this machine; ``DARKROOM_API_KEY`` or the key in the data folder.

    Raises:
        Misused: the key cannot be sent or its file cannot be read.
    """
    if settings.api_key is not None:
        place = "DARKROOM_API_KEY"
        return Connection(settings.base_url, _sendable(settings.api_key.get_secret_value(), place), place)
    path = settings.data_dir.expanduser() / "api-key"
    try:
        key = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return Connection(settings.base_url, None, str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Misused(f"the API key in {path} cannot be read ({reason}): set DARKROOM_API_KEY") from error
    return Connection(settings.base_url, _sendable(key, str(path)), str(path))


def _sendable(key: str, place: str) -> str:
    if not key.isascii() or not key.isprintable():
        raise Misused(f"the API key in {place} holds characters that no key has: it looks like dk_…")
    return key
