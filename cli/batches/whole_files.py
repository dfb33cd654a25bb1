"""Files that are only there once they are whole: written beside their place, and renamed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cli.errors import Misused


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` once the block has ended well; what was there stays until then.

    Raises:
        Misused: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise Misused(f"{path} cannot be written ({error.strerror}): name another place") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
