"""What the tests of downloads share."""

from pathlib import Path

import pytest

from outbound.addresses import PrivateHosts
from outbound.download import Downloader, DownloadFailed

ANYWHERE_HERE = PrivateHosts.parse("127.0.0.1, ::1")
QUERY = "?Signature=SECRET&Expires=1"
CONTENT = b"\x89PNG and more"


def failure(downloader: Downloader, url: str, into: Path) -> DownloadFailed:
    """What fetching ``url`` fails with; no file may be left and no query may be told."""
    with pytest.raises(DownloadFailed) as caught:
        downloader.fetch(url, into)
    assert not into.exists()
    assert "SECRET" not in str(caught.value)
    return caught.value
