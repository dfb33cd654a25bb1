"""How many connections this process may hold: each is an open file, and many systems allow 1,024 of them."""

import resource
from contextlib import suppress
from typing import Final

# Those who follow and wait, and the requests that come and go beside them.
WANTED: Final = 16_384


def allow_connections() -> None:
    """Raise the process's own limit of open files to ``WANTED``, or as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        # Some systems have another limit behind this one; what there is has to do then.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
