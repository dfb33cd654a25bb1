"""The header: what its columns may be called, and what is said where they may not."""

import pytest

from domain.sheets.errors import (
    DuplicateColumnError,
    EmptySheetError,
    HeaderError,
    MissingColumnError,
    SeparatorError,
)
from domain.sheets.names import column_key, place_of
from domain.sheets.reading import open_sheet


def refused(text: bytes) -> HeaderError:
    with pytest.raises(HeaderError) as raised:
        open_sheet([text])
    return raised.value


@pytest.mark.parametrize("text", [b"", b"\xef\xbb\xbf", b"\n\r\n", b",,,\n", b"sep=;\n"])
def test_a_file_without_a_header_is_empty(text: bytes) -> None:
    error = refused(text)
    assert isinstance(error, EmptySheetError)
    assert "the file is empty: its first line has to name the columns" in str(error)


def test_a_missing_prompt_is_told_with_the_columns_that_were_found() -> None:
    error = refused(b"\n text ;model;;" + b"x" * 100 + b"\n")
    assert isinstance(error, MissingColumnError)
    assert (error.code, error.line) == ("missing_column", 2)
    assert str(error) == f"there is no column prompt: the header has 'text', 'model', '{'x' * 60}…'"


def test_of_very_many_columns_some_are_told() -> None:
    error = refused(b"a" + b",b".join(b"%d" % number for number in range(25)) + b"\n")
    assert str(error).endswith("'b18', 'b19' and 5 more")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"prompt,model,Prompt ", "column 3 (C) and column 1 (A) are both called 'Prompt': rename one"),
        (
            b"Image URL,prompt,image_url",
            "column 3 (C) and column 1 (A) are both called 'image_url': rename one",
        ),
        (b"prompt,sku,SKU", "column 3 (C) and column 2 (B) are both called 'SKU': rename one"),
    ],
)
def test_two_columns_of_one_name_are_told_with_both_places(header: bytes, message: str) -> None:
    error = refused(header)
    assert isinstance(error, DuplicateColumnError)
    assert str(error) == message


def test_columns_without_a_name_may_be_there_more_than_once() -> None:
    header = open_sheet([b"prompt,,model,,\n"]).header
    assert (header.names, header.width) == (("prompt", "", "model", "", ""), 3)


def test_columns_of_the_customer_that_differ_in_more_than_case_are_two() -> None:
    assert open_sheet([b"e-mail,e_mail,prompt\n"]).header.names == ("e-mail", "e_mail", "prompt")


def test_a_separator_that_is_none_of_ours_is_refused_by_name() -> None:
    error = refused(b"sep=|\nprompt|model\n")
    assert isinstance(error, SeparatorError)
    assert str(error) == "the first line names '|' as the separator: use a comma, a semicolon or a tab"


@pytest.mark.parametrize(
    ("name", "key"),
    [(" Prompt ", "prompt"), ("Negative  Prompt", "negative_prompt"), ("max-cost-usd", "max_cost_usd")],
)
def test_a_name_means_the_same_in_any_case_and_with_spaces(name: str, key: str) -> None:
    assert column_key(name) == key


@pytest.mark.parametrize(
    ("number", "place"),
    [
        (0, "column 1 (A)"),
        (25, "column 26 (Z)"),
        (26, "column 27 (AA)"),
        (701, "column 702 (ZZ)"),
        (702, "column 703 (AAA)"),
    ],
)
def test_a_column_is_placed_as_spreadsheets_do(number: int, place: str) -> None:
    assert place_of(number) == place
