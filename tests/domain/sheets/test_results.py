"""Results and problems as tables and as JSON lines: exact, in blocks, and harmless to spreadsheets."""

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sheets.results import (
    OUTCOME_COLUMNS,
    ErrorRow,
    Outcome,
    ResultRow,
    RowError,
    errors_csv,
    errors_jsonl,
    our_names,
    results_csv,
    results_jsonl,
)
from domain.sheets.writing import csv_blocks, harmless

DONE: Outcome = {
    "job_id": "0199",
    "status": "succeeded",
    "provider": "fal",
    "cost_usd": "0.305",
    "total_seconds": 41.82,
    "asset_urls": ["/a/0", "/a/1"],
    "error_code": None,
    "error_message": None,
}


def cells(text: bytes, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(StringIO(text.decode(), newline=""), delimiter=separator))


def test_results_have_the_customers_columns_first_and_then_ours() -> None:
    rows = [
        ResultRow({"sku": "7", "prompt": "a kite,\nred"}, DONE, 0),
        ResultRow({"prompt": "ü"}, {"job_id": "0200", "status": "failed", "error_code": "content_policy"}, 1),
    ]
    assert b"".join(results_csv(["prompt", "sku"], rows)).decode() == (
        '"prompt","sku","job_id","status","provider","cost_usd","total_seconds","asset_urls","error_code",'
        '"error_message"\r\n'
        '"a kite,\nred","7","0199","succeeded","fal","0.305","41.82","/a/0 /a/1","",""\r\n'
        '"ü","","0200","failed","","","","","content_policy",""\r\n'
    )


def test_results_are_written_with_the_separator_of_the_sheet() -> None:
    text = b"".join(results_csv(["prompt"], [ResultRow({"prompt": "a;b"}, DONE, 0)], separator=";"))
    assert cells(text, ";")[1][:3] == ["a;b", "0199", "succeeded"]


def test_a_sheet_without_rows_still_has_its_header() -> None:
    assert cells(b"".join(results_csv([], []))) == [list(OUTCOME_COLUMNS)]
    assert list(results_jsonl([])) == []
    assert cells(b"".join(errors_csv([], []))) == [list(RowError._fields)]


def test_no_rows_at_all_are_no_bytes() -> None:
    assert list(csv_blocks([])) == []


def test_our_columns_give_way_to_the_customers_of_the_same_name() -> None:
    own = ["prompt", "Status", "job_id", "darkroom_job_id"]
    names = our_names(own, OUTCOME_COLUMNS)
    assert names[:3] == ["darkroom_darkroom_job_id", "darkroom_status", "provider"]
    rows = [ResultRow({"Status": "new", "job_id": "mine"}, DONE, 0)]
    [header, row] = cells(b"".join(results_csv(own, rows)))
    assert header == [*own, *names]
    assert row[1:6] == ["new", "mine", "", "0199", "succeeded"]


def test_json_lines_keep_types_and_the_customers_cells_as_text() -> None:
    rows = [ResultRow({"status": "=1", "n": "5"}, DONE, 0), ResultRow({}, {"job_id": "0200"}, 7)]
    first, second = map(json.loads, b"".join(results_jsonl(rows)).decode().splitlines())
    assert first == {"row_number": 1, "row": {"status": "=1", "n": "5"}, **DONE}
    assert second == {"row_number": 8, "row": {}, **dict.fromkeys(OUTCOME_COLUMNS), "job_id": "0200"}


def test_tables_and_json_lines_come_in_blocks_of_whole_rows() -> None:
    rows = [ResultRow({"prompt": "x" * 100}, DONE, number) for number in range(2_000)]
    blocks = list(results_csv(["prompt"], iter(rows)))
    assert len(blocks) > 2
    assert all(block.endswith(b"\r\n") for block in blocks)
    assert len(cells(b"".join(blocks))) == 2_001
    lines = list(results_jsonl(iter(rows)))
    assert len(lines) > 2
    assert all(block.endswith(b"}\n") for block in lines)
    assert sum(block.count(b"\n") for block in lines) == 2_000


def test_rows_are_asked_for_only_as_blocks_are_taken() -> None:
    taken: list[int] = []

    def rows() -> Iterator[ResultRow]:
        for number in range(50):
            taken.append(number)
            yield ResultRow({"prompt": "x" * 30_000}, DONE, number)

    next(results_csv(["prompt"], rows()))
    assert len(taken) == 3


def test_errors_are_written_one_a_line_behind_the_row_as_it_stands() -> None:
    bad = RowError(7, 4, "seed", "rounded", "the spreadsheet has rounded it", "all digits")
    failed = RowError(9, 5, None, "content_policy", "refused", job_id="0199", status="failed")
    rows = [ErrorRow(["a kite"], bad), ErrorRow(["=1", "5", "surplus"], failed)]
    assert cells(b"".join(errors_csv(["prompt", "Row"], rows))) == [
        ["prompt", "Row", "line", "darkroom_row", *RowError._fields[2:]],
        ["a kite", "", "7", "4", "seed", "rounded", "the spreadsheet has rounded it", "all digits", "", ""],
        ["'=1", "5", "9", "5", "", "content_policy", "refused", "", "0199", "failed"],
    ]


def test_errors_as_json_lines_have_every_cell_as_it_stands() -> None:
    bad = RowError(7, 4, "seed", "rounded", "=rounded", "all digits")
    rows = [ErrorRow(["=1", "'=2", "", "surplus"], bad), ErrorRow([], bad)]
    first, second = map(json.loads, b"".join(errors_jsonl(["prompt", "Row", ""], rows)).decode().splitlines())
    assert first == {
        "row_number": 4,
        "line": 7,
        "row": {"prompt": "=1", "Row": "'=2"},
        "column": "seed",
        "code": "rounded",
        "message": "=rounded",
        "expected": "all digits",
        "job_id": None,
        "status": None,
    }
    assert second == first | {"row": {}}


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "\tx",
        " =1+1",
        "\ufeff=1",
        "\u200b@a",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
        "-",
        "- a kite",
        "-5 ",
        "+1,000,000",
        "-2-3",
        "-0x10",
    ],
)
def test_what_may_start_a_formula_is_written_as_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "a",
        "5",
        "-5",
        "+3.2",
        "-.5",
        "-5,5",
        "-1e-5",
        "a=b",
        "'=1",
        " a",
        "ü",
        "#1",
        "(=1)",
        "1=1",
        "\uff11",
    ],
)
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


TEXT = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from("=+-@\t\r\n '\",;0129.eE\uff1d\uff0b\uff0d\uff20")
)
_NUMBER = re.compile(r"[+-][0-9]*[.,]?[0-9]+([eE][+-]?[0-9]+)?")
_STARTS_FORMULA = re.compile(r"\s*[=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n]")


@given(st.lists(st.lists(TEXT, min_size=1), min_size=1), st.sampled_from(",;\t"))
def test_no_cell_that_is_written_starts_a_formula_and_none_loses_a_character(
    rows: list[list[str]], separator: str
) -> None:
    read = cells(b"".join(csv_blocks(rows, separator=separator)), separator)
    for row, found in zip(rows, read, strict=True):
        for cell, written in zip(row, found, strict=True):
            assert written in {cell, f"'{cell}"}
            if _STARTS_FORMULA.match(written):
                assert _NUMBER.fullmatch(written)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
def test_every_number_stays_a_number(number: float) -> None:
    assert harmless(str(number)) == str(number)
