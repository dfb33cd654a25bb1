"""Sheets as people make them, read in pieces of any size."""

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import chain, islice, repeat
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sheets.errors import (
    EncodingError,
    FileTooLargeError,
    NulByteError,
    RowTooLargeError,
    SheetError,
    TooManyRowsError,
    UnclosedQuoteError,
)
from domain.sheets.header import SEPARATORS
from domain.sheets.limits import MAX_FILE_BYTES, MAX_ROW_BYTES, MAX_ROWS
from domain.sheets.lines import physical_lines
from domain.sheets.reading import open_sheet


def read(*chunks: bytes) -> list[tuple[int, int, list[str]]]:
    return [(row.number, row.line, row.cells) for row in open_sheet(chunks)]


def refused(*chunks: bytes) -> SheetError:
    with pytest.raises(SheetError) as raised:
        list(open_sheet(chunks))
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        b"prompt,model\na kite,flux\na dune,kling\n",
        b"prompt,model\r\na kite,flux\r\na dune,kling\r\n",
        b"prompt,model\ra kite,flux\ra dune,kling\r",
        b"prompt,model\na kite,flux\na dune,kling",
        b"\xef\xbb\xbfprompt,model\na kite,flux\na dune,kling\n",
        b"prompt;model\na kite;flux\na dune;kling\n",
        b"prompt\tmodel\na kite\tflux\na dune\tkling\n",
        b'"prompt","model"\n"a kite","flux"\n"a dune","kling"\n',
        b" prompt , model \na kite,flux\na dune,kling\n\n\r\n,\n , \n",
    ],
    ids=["LF", "CRLF", "CR", "no end", "BOM", "semicolon", "tab", "all quoted", "empty rows at the end"],
)
def test_what_spreadsheets_write_is_read_alike(text: bytes) -> None:
    sheet = open_sheet([text])
    assert sheet.header.names == ("prompt", "model")
    assert [tuple(row) for row in sheet] == [(0, 2, ["a kite", "flux"]), (1, 3, ["a dune", "kling"])]


def test_the_line_is_that_of_the_file_where_cells_hold_line_breaks_and_rows_are_empty() -> None:
    text = b'\nprompt,note\r\n"a kite\r\nover dunes",1\n\n,\n"a ""red""\rdune",2\na sea,3\n'
    assert read(text) == [
        (0, 3, ["a kite\r\nover dunes", "1"]),
        (1, 7, ['a "red"\rdune', "2"]),
        (2, 9, ["a sea", "3"]),
    ]


def test_a_quotation_mark_inside_a_bare_cell_is_a_part_of_it() -> None:
    assert read(b'prompt,size\na 5" pipe,3"\nnext,1\n') == [
        (0, 2, ['a 5" pipe', '3"']),
        (1, 3, ["next", "1"]),
    ]


@pytest.mark.parametrize(
    ("first", "separator"), [(b"sep=;\r\n", ";"), (b'"SEP=,"\n', ","), (b"sep=\t\n", "\t")]
)
def test_a_line_that_names_the_separator_is_obeyed_and_counted(first: bytes, separator: str) -> None:
    cells = separator.encode().join
    sheet = open_sheet(
        [b"\xef\xbb\xbf" + first + cells([b"prompt", b"a,b;c\td"]) + b"\n" + cells([b"x", b"y"])]
    )
    assert sheet.header.separator == separator
    assert [row.line for row in sheet] == [3]


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        (b'"a;b;c;d",prompt', ","),
        (b'"a,b,c,d";prompt', ";"),
        (b'"prompt";"a,b"', ";"),
        (b"prompt\tone, two; three", "\t"),
        (b'"two\nlines, here";prompt', ";"),
        (b"prompt", ","),
    ],
)
def test_the_separator_is_the_one_that_makes_sense_of_the_header(header: bytes, separator: str) -> None:
    assert open_sheet([header + b"\n"]).header.separator == separator


CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from(',;\t"\r\n \u2028\u0085\x0b\x1c=')
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=8)


def table(rows: list[list[str]], separator: str, end: str, quoting: Literal[0, 1]) -> bytes:
    # Python 3.11 leaves some line breaks bare unless all is quoted: no reader could tell them from ends.
    broken = any("\r" in cell or "\n" in cell for row in rows for cell in row)
    text = StringIO(newline="")
    all_of_it = csv.writer(
        text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL if broken else quoting
    )
    all_of_it.writerows([["prompt", 'note "1"', "x,;\ty"], *rows])
    return text.getvalue().encode()


def pieces(text: bytes, cuts: list[int]) -> Iterator[bytes]:
    start = 0
    for cut in sorted(cut % (len(text) + 1) for cut in cuts):
        yield text[start:cut]
        start = cut
    yield text[start:]


written = given(
    rows=ROWS,
    separator=st.sampled_from(SEPARATORS),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    cuts=st.lists(st.integers(min_value=0, max_value=10_000), max_size=12),
    marked=st.booleans(),
)


@written
def test_any_table_in_any_dialect_and_any_pieces_is_read_back_equal(
    rows: list[list[str]], separator: str, end: str, quoting: Literal[0, 1], cuts: list[int], *, marked: bool
) -> None:
    text = (b"\xef\xbb\xbf" if marked else b"") + table(rows, separator, end, quoting)
    sheet = open_sheet(pieces(text, cuts))
    assert (sheet.header.separator, sheet.header.names) == (separator, ("prompt", 'note "1"', "x,;\ty"))
    found = [row.cells for row in sheet]
    assert found == [row for row in rows if any(cell.strip() for cell in row)]
    assert (sheet.offset, sheet.rows) == (len(text), len(found))


def test_a_byte_that_is_not_utf8_is_named_with_its_place_in_the_file() -> None:
    text = "prompt\nÄ kite\na d\xfcne\n".encode().replace("ü".encode(), b"\xfc")
    error = refused(b"\xef\xbb\xbf" + text[:9], text[9:])
    assert isinstance(error, EncodingError)
    assert (error.line, error.offset) == (3, 3 + text.index(b"\xfc"))
    assert (
        str(error)
        == "byte 21 of the file, on line 3, is 0xfc, which is not UTF-8 there: save the file as CSV UTF-8"
    )


def test_rows_before_a_bad_byte_are_read() -> None:
    sheet = open_sheet([b"prompt\na kite\n\xff\n"])
    assert next(sheet).cells == ["a kite"]
    with pytest.raises(EncodingError, match="byte 14 of the file, on line 3, is 0xff"):
        next(sheet)


def test_a_nul_byte_is_named_with_its_place_in_the_file() -> None:
    error = refused(b"prompt\r\na kite\r\na \x00dune\r\n")
    assert isinstance(error, NulByteError)
    assert (error.line, error.offset) == (3, 18)
    assert "byte 18 of the file, on line 3, is NUL" in str(error)
    assert "UTF-16" in str(error)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'prompt,note\na,b\n"c,d\ne,f\n', 3),
        (b'prompt,note\n"a\nb",c\n"d\ne","f\ng,h', 5),
        (b'prompt,note\na,"', 2),
        (b'prompt,note\na,b\n"', 3),
        (b'prompt,"note\na,b\n', 1),
    ],
)
def test_an_unclosed_quote_is_named_with_the_line_on_which_it_opens(text: bytes, line: int) -> None:
    error = refused(text)
    assert isinstance(error, UnclosedQuoteError)
    assert error.line == line
    assert f"begins on line {line}:" in str(error)


def test_an_endless_line_is_refused_when_it_is_longer_than_a_row_may_be() -> None:
    sheet = open_sheet(iter([b"prompt\n", b"fine\n", *islice(repeat(b"x" * 60_000), 18)]))
    assert next(sheet).cells == ["fine"]
    with pytest.raises(
        RowTooLargeError, match=r"the row on line 3 is larger than 1,048,576 bytes: shorten it$"
    ):
        next(sheet)
    with pytest.raises(RowTooLargeError, match="the row on line 1"):
        open_sheet(repeat(b"x" * 60_000))


def test_a_row_as_large_as_allowed_is_read_in_one_cell() -> None:
    longest = b"x" * (MAX_ROW_BYTES - 1)
    assert len(read(b"prompt\n" + longest + b"\n")[0][2][0]) == MAX_ROW_BYTES - 1
    assert isinstance(refused(b"prompt\n" + longest + b"x\n"), RowTooLargeError)


def test_a_row_that_grows_inside_a_quoted_cell_asks_whether_the_quote_is_closed() -> None:
    text = b'prompt,note\na,b\n"c\nd","e\n' + b"f,g\n" * (MAX_ROW_BYTES // 4)
    error = refused(text)
    assert isinstance(error, RowTooLargeError)
    assert error.line == 3
    assert 'is the quoted cell that begins on line 4 closed with "?' in str(error)


def test_a_file_larger_than_allowed_is_refused_as_its_bytes_stream_by() -> None:
    line = b"x" * (MAX_ROW_BYTES - 1) + b"\n"
    lines = physical_lines(chain(repeat(line, MAX_FILE_BYTES // MAX_ROW_BYTES), [b"y"]))
    assert sum(len(found) for found in islice(lines, MAX_FILE_BYTES // MAX_ROW_BYTES)) == MAX_FILE_BYTES
    with pytest.raises(FileTooLargeError, match="larger than 200 MB: split it"):
        next(lines)


def test_the_row_after_the_last_one_allowed_is_refused_and_empty_rows_do_not_count() -> None:
    full = b"prompt\n" + b"a\n" * MAX_ROWS + b"\n\n"
    sheet = open_sheet([full])
    assert (sum(1 for _ in sheet), sheet.rows) == (MAX_ROWS, MAX_ROWS)
    sheet = open_sheet([full, b"b\n"])
    assert sum(1 for _ in islice(sheet, MAX_ROWS)) == MAX_ROWS
    with pytest.raises(TooManyRowsError, match="more than 100,000 rows: split it") as raised:
        next(sheet)
    assert raised.value.line == MAX_ROWS + 4


@given(
    text=st.lists(
        st.binary(max_size=6) | st.sampled_from([b",", b";", b'"', b"\r", b"\n", b"\r\n", "é".encode()])
    ),
    cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=6),
)
def test_whatever_the_bytes_are_they_are_read_or_refused_in_words_and_pieces_change_nothing(
    text: list[bytes], cuts: list[int]
) -> None:
    def outcome(chunks: Iterator[bytes]) -> list[object]:
        found: list[object] = []
        try:
            found.extend(open_sheet(chunks))
        except SheetError as error:
            found.append((type(error), str(error), error.line, error.offset))
        return found

    whole = b"prompt,note\n" + b"".join(text)
    assert outcome(iter([whole])) == outcome(pieces(whole, cuts))
