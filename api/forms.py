"""Forms with a file (multipart/form-data, RFC 7578), read as a stream: the file goes to the disk."""

from collections.abc import Mapping
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.answers import Problem
from api.spool import Spool

_MOST_FIELDS: Final = 32
_MOST_BYTES: Final = 64 * 1024
# Parts that are written as they are; others would have to be decoded, which nobody sends any more.
_AS_IT_IS: Final = frozenset({"", "7bit", "8bit", "binary"})
# By Python's names for them; ASCII is UTF-8, too.
_CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


class Form:
    """The fields of a form, filled in while its bytes come; the file goes to ``spool``."""

    def __init__(self, boundary: bytes, spool: Spool, *, file: str) -> None:
        self.fields: dict[str, str] = {}
        self._spool = spool
        self._file = file
        self._has_file = False
        self._ended = False
        self._name = ""
        self._value = bytearray()
        self._header = bytearray()
        self._text = bytearray()
        self._headers: dict[str, bytes] = {}
        if not boundary:
            raise _broken("its Content-Type names no boundary")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_text,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._start,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end,
                    "on_end": self._close,
                },
            )
        except FormParserError as error:
            raise _broken("its boundary cannot be used") from error

    def write(self, data: bytes) -> None:
        """Take some more bytes of the body; raises Problem."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _broken(str(error)) from error

    def finish(self) -> None:
        """Note that all bytes are there; raises Problem where parts of the form are not."""
        if not self._ended:
            raise _broken("it ends in the middle")
        if not self._has_file:
            raise _wrong(self._file, f"is required: send the CSV file as the field {self._file}")

    def _begin(self) -> None:
        self._headers = {}
        self._value = bytearray()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_text(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = bytes(self._text)
        self._header, self._text = bytearray(), bytearray()

    def _start(self) -> None:
        """All headers of a part are there: what it is, and whether it can be taken."""
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in self.fields or (self._name == self._file and self._has_file):
            raise _wrong(self._name, "came twice: send it once")
        if self._name == self._file:
            self._has_file = True
            check_charset(self._headers.get("content-type", b""))
        elif b"filename" in options:
            raise _wrong(self._name, f"came as a file: only {self._file} is one")
        if len(self.fields) >= _MOST_FIELDS:
            raise _broken(f"it has more than {_MOST_FIELDS} fields")
        self._check_encoding()

    def _check_encoding(self) -> None:
        encoding = self._headers.get("content-transfer-encoding", b"").decode("latin-1").strip()
        if encoding.lower() not in _AS_IT_IS:
            raise _wrong(self._name, f"is encoded as {encoding[:40]}: send it as it is")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self._file:
            self._spool.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _MOST_BYTES:
            raise _wrong(self._name, f"is longer than {_MOST_BYTES // 1024} kB")

    def _end(self) -> None:
        if self._name == self._file:
            return
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError as error:
            raise _wrong(self._name, "is not UTF-8") from error

    def _close(self) -> None:
        self._ended = True


def check_charset(content_type: bytes) -> Mapping[bytes, bytes]:
    """The options of a content type; raises Problem (415) where it declares another encoding than UTF-8."""
    _, options = parse_options_header(content_type)
    charset = options.get(b"charset", b"").decode("latin-1").strip().lower()
    if charset not in _CHARSETS:
        raise Problem(
            415,
            "unsupported_media_type",
            f"the file is declared as {charset[:40]}: save it as CSV UTF-8, and send charset=utf-8 or none",
        )
    return options


def _wrong(field: str, message: str) -> Problem:
    return Problem(
        422,
        "invalid_input",
        f"{field or 'a field without a name'} {message}",
        errors=[_fault(field, message)],
    )


def _fault(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def _broken(why: str) -> Problem:
    return Problem(400, "invalid_form", f"the body is no whole multipart/form-data: {why}")
