"""Files of other kinds are known by their first bytes, and told what to do."""

import gzip
import io
import zipfile

import pytest

from domain.sheets.errors import EncodingError, NotCsvError, SheetError
from domain.sheets.reading import open_sheet


def archive(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name in names:
            made.writestr(name, "application/vnd.oasis.opendocument.spreadsheet")
    return held.getvalue()


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (XLSX): save it as CSV UTF-8"),
        (archive("mimetype", "content.xml"), "an OpenDocument file (ODS): save it as CSV UTF-8"),
        (archive("batch.csv"), "a ZIP archive: unpack it"),
        (archive(), "a ZIP archive: unpack it"),
        (gzip.compress(b"prompt\na kite\n", mtime=0), "a file packed with gzip: unpack it"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "an old Excel workbook (XLS): save it as CSV UTF-8"),
        (b"%PDF-1.7\n", "a PDF document: save it as CSV UTF-8"),
        (b"\n<!DOCTYPE html><html>", "a web page (HTML): save it as CSV UTF-8"),
        (b"\xef\xbb\xbf<html>", "a web page (HTML): save it as CSV UTF-8"),
        (b"<table><tr>", "a web page (HTML): save it as CSV UTF-8"),
        (b'<?xml version="1.0"?>', "an XML file: save it as CSV UTF-8"),
    ],
    ids=lambda value: value[:22] if isinstance(value, str) else value[:4].hex(),
)
def test_another_kind_of_file_is_named(text: bytes, kind: str, size: int) -> None:
    with pytest.raises(NotCsvError) as raised:
        open_sheet(text[start : start + size] for start in range(0, len(text), size))
    assert f"this is {kind}" in str(raised.value)


@pytest.mark.parametrize("codec", ["utf-16", "utf-32"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_a_byte_order_mark_of_another_encoding_is_named(codec: str, order: str) -> None:
    text = "\ufeffprompt\na kite\n".encode(f"{codec}-{order}")
    with pytest.raises(EncodingError, match=f"the file is in {codec.upper()}: save it as CSV UTF-8"):
        open_sheet([text])


def test_every_error_is_a_sheets_and_has_a_code_of_its_own() -> None:
    found = [SheetError]
    for error in found:
        found += error.__subclasses__()
    assert len({error.code for error in found}) == len(found) > 10
