"""What a download can end in besides the file."""

from typing import Final

_AGAIN: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


class DownloadFailed(Exception):  # noqa: N818 - names the fact
    """A file was not fetched.

    DownloadFailed      ``retryable`` decides: the same link may work later, or never will
    └── AssetRefused    the link leads to an address that must not be requested; final

    ``place`` is host and path, never the query, which holds the signature of a signed link. ``status`` is the
    HTTP status where one came; ``retry_after`` the wait in seconds that the host asked for. ``away`` when the
    host is not there at all or says that it is the one in trouble, or our own disk is: nothing is known
    against the file.
    """

    def __init__(
        self,
        place: str,
        reason: str,
        *,
        retryable: bool,
        status: int | None = None,
        retry_after: float | None = None,
        away: bool = False,
    ) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
        self.away = away


class AssetRefused(DownloadFailed):
    """The link, or a redirect on its way, leads to an address that must not be requested."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason, retryable=False)


def answered(place: str, status: int, wait: float | None) -> DownloadFailed:
    """The failure that an HTTP ``status`` means: 5xx, 408, 425 and 429 may pass, anything else will not."""
    retryable = status >= _SERVER_ERROR or status in _AGAIN
    reason = f"answered with HTTP {status}" if retryable else f"refused with HTTP {status}"
    return DownloadFailed(place, reason, retryable=retryable, status=status, retry_after=wait, away=retryable)
