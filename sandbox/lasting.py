"""What an archive keeps for good: the sandbox's identity, changed settings, the time of a manual clock."""

import random
import secrets
from datetime import datetime
from typing import Any, Final

from sandbox.archive import Archive
from sandbox.clock import Clock, ManualClock, SystemClock
from sandbox.config import Config
from sandbox.core import Identity

_IDENTITY: Final = "identity"
_SETTINGS: Final = "settings"
_CLOCK: Final = "clock"
_SECRET_BYTES: Final = 32
JsonObject = dict[str, Any]


def identity(archive: Archive, seed: int | None) -> Identity:
    """The same secret after every start; a seed goes on with other ids, as the first ones are in use."""
    earlier = _one(archive, _IDENTITY)
    starts = earlier.get("starts", 0)
    secret = bytes.fromhex(earlier["secret"]) if earlier else _secret(seed)
    row = {"secret": secret.hex(), "starts": starts + 1}
    archive.put(_IDENTITY, "", lambda: row)
    return Identity(secret, seed if seed is None or not starts else f"{seed}, start {starts + 1}")


def settings(archive: Archive, config: Config) -> Config:
    """The settings of this start under those that were changed while an earlier process ran."""
    return changed(config, _one(archive, _SETTINGS))


def changed(config: Config, changes: JsonObject) -> Config:
    """The settings with some of them changed.

    Raises:
        pydantic.ValidationError: no such setting, or not a value for it.
    """
    return Config(**{**config.model_dump(), **changes})


def keep_settings(archive: Archive, changes: JsonObject) -> None:
    """Remember changed settings beside those that were changed before."""
    archive.put(_SETTINGS, "", lambda: _one(archive, _SETTINGS) | changes)


def clock(archive: Archive, config: Config) -> Clock:
    """The clock that the settings ask for; a manual one stands where it stood."""
    if not config.manual_clock:
        return SystemClock()
    earlier = _one(archive, _CLOCK)
    kept = ManualClock(datetime.fromisoformat(earlier["now"]) if earlier else None)
    keep_clock(archive, kept)
    return kept


def keep_clock(archive: Archive, manual: ManualClock) -> None:
    """Remember where a manual clock stands."""
    archive.put(_CLOCK, "", lambda: {"now": manual.now().isoformat()})


def _one(archive: Archive, kind: str) -> JsonObject:
    return next(archive.rows(kind), {})


def _secret(seed: int | None) -> bytes:
    if seed is None:
        return secrets.token_bytes(_SECRET_BYTES)
    return random.Random(seed).randbytes(_SECRET_BYTES)  # noqa: S311 - a seed was asked for
