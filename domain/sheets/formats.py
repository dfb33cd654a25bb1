"""Files that are no CSV in UTF-8, known by their first bytes."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from domain.sheets.errors import EncodingError, NotCsvError

# Enough for every mark below, and for the name of a ZIP archive's first entry.
_HEAD_BYTES: Final = 1024
_SAVE: Final = "save it as CSV UTF-8"

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_ENCODINGS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_KINDS: Final = (
    (re.compile(rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", re.DOTALL), "an OpenDocument file (ODS)"),
    (re.compile(rb"PK\x03\x04.*(?:\[Content_Types\]|_rels/|xl/)", re.DOTALL), "an Excel workbook (XLSX)"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel workbook (XLS)"),
    (re.compile(rb"\s*<\?xml", re.IGNORECASE), "an XML file"),
    (re.compile(rb"\s*<(?:!doctype|html|table)", re.IGNORECASE), "a web page (HTML)"),
    (re.compile(rb"%PDF-"), "a PDF document"),
)
_PACKED: Final = (
    (re.compile(rb"PK(?:\x03\x04|\x05\x06)"), "a ZIP archive"),
    (re.compile(rb"\x1f\x8b"), "a file packed with gzip"),
)


def refuse_other_formats(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, once their beginning is not known to be of another kind.

    Raises:
        NotCsvError: a workbook, an archive, a document.
        EncodingError: a byte order mark of UTF-16 or UTF-32.
    """
    rest = iter(chunks)
    head = b""
    while len(head) < _HEAD_BYTES and (chunk := next(rest, None)) is not None:
        head += chunk
    _refuse(head)
    yield head
    yield from rest


def _refuse(head: bytes) -> None:
    # A byte order mark of UTF-8 may stand before the text formats.
    text = head.removeprefix(b"\xef\xbb\xbf")
    for kind, name in _KINDS:
        if kind.match(text):
            raise NotCsvError(f"this is {name}: {_SAVE}", line=1, offset=0)
    for kind, name in _PACKED:
        if kind.match(head):
            raise NotCsvError(f"this is {name}: unpack it and send the CSV file in it", line=1, offset=0)
    for mark, name in _ENCODINGS:
        if head.startswith(mark):
            raise EncodingError(f"the file is in {name}: {_SAVE}", line=1, offset=0)
