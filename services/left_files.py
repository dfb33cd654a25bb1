"""Files that the first start leaves in the data folder for the owner of the installation."""

import os
from pathlib import Path
from typing import Final

import structlog

API_KEY: Final = "api-key"
CALLBACK_SECRET: Final = "callback-secret"  # noqa: S105 - the name of a file
_OWNER_ONLY: Final = 0o600

log = structlog.get_logger(__name__)


def leave(path: Path, text: str) -> None:
    """Replace ``path`` whole, readable for its owner alone from the first byte."""
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w") as file:
        file.write(f"{text}\n")
    draft.replace(path)


def renew_callback_secret(folder: Path, secret: str) -> None:
    """Put a new secret into its file, where there is one; what cannot be written is told in the log."""
    path = folder / CALLBACK_SECRET
    if not path.exists():
        return
    try:
        leave(path, secret)
    except OSError as error:
        log.warning("callback_secret_not_written", folder=str(folder), reason=str(error))
