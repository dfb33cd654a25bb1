"""The Content-Disposition header (RFC 6266) of a link."""

import re
from urllib.parse import quote

from storage.objects.base import Disposition


def content_disposition(disposition: Disposition, filename: str) -> str:
    """``disposition`` with ``filename`` in plain ASCII and, where that loses something, in UTF-8 as well."""
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", filename)
    plain = re.sub(r"[^ -~]", "_", name).replace('"', "_")
    header = f'{disposition}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"
