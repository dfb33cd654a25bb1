"""What ends the reading of a sheet.

SheetError
├── NotCsvError            another kind of file
├── EncodingError          a byte that is not UTF-8
├── NulByteError           a byte that no text holds
├── FileTooLargeError
├── TooManyRowsError
├── RowTooLargeError
├── UnclosedQuoteError
└── HeaderError
    ├── EmptySheetError        there is no header
    ├── SeparatorError         a ``sep=`` line that names none of ours
    ├── DuplicateColumnError
    ├── MissingColumnError
    └── ColumnNameError        a tag or an extra whose name cannot be taken
"""

from typing import ClassVar


class SheetError(Exception):
    """The file cannot be read any further; the message says what is wrong and what would be right.

    ``code`` is stable. ``line`` is the physical line from 1 on, ``offset`` the byte in the file from 0 on;
    each is None where it says nothing.
    """

    code: ClassVar[str] = "bad_sheet"

    def __init__(self, message: str, *, line: int | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.offset = offset


class NotCsvError(SheetError):
    """The file is of another kind, known by its first bytes."""

    code = "not_csv"


class EncodingError(SheetError):
    """The file is not in UTF-8."""

    code = "not_utf8"


class NulByteError(SheetError):
    """The file holds a NUL byte."""

    code = "nul_byte"


class FileTooLargeError(SheetError):
    """The file has more bytes than are taken."""

    code = "file_too_large"


class TooManyRowsError(SheetError):
    """The file has more rows than are taken."""

    code = "too_many_rows"


class RowTooLargeError(SheetError):
    """One row has more bytes than are taken."""

    code = "row_too_large"


class UnclosedQuoteError(SheetError):
    """The file ends inside a quoted cell; ``line`` is where it begins."""

    code = "unclosed_quote"


class HeaderError(SheetError):
    """The header does not name the columns as it must."""

    code = "bad_header"


class EmptySheetError(HeaderError):
    """There is no header, and nothing else."""

    code = "empty_sheet"


class SeparatorError(HeaderError):
    """The first line names a separator that is not known."""

    code = "unknown_separator"


class DuplicateColumnError(HeaderError):
    """Two columns have the same name."""

    code = "duplicate_column"


class MissingColumnError(HeaderError):
    """A column is not there that has to be."""

    code = "missing_column"


class ColumnNameError(HeaderError):
    """The name of a tag or of an extra field cannot be taken."""

    code = "bad_column_name"
