"""What is made of one cell, and what is said of a cell that cannot be read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sheets import cells
from domain.sheets.damage import refuse_error_value
from domain.sheets.json_cells import json_object, json_or_text, json_value
from domain.sheets.problems import CellError, ProblemCode


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("5", 5),
        (" 5 ", 5),
        ("5.0", 5),
        ("5.", 5),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        ("9223372036854775808", 2**63),
    ],
)
def test_a_whole_number_is_read_as_spreadsheets_write_it(cell: str, number: int) -> None:
    assert cells.whole(cell) == number


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("5,5", "not_a_number", "'5,5' is not a whole number, for its comma"),
        ("5.5", "not_a_number", "'5.5' is not a whole number"),
        ("5 s", "not_a_number", "'5 s' is not a whole number"),
        ("1_000", "not_a_number", "'1_000' is not a whole number"),
        ("\u0665", "not_a_number", "'\u0665' is not a whole number"),
        ("9" * 5000, "not_a_number", f"'{'9' * 60}…' is not a whole number"),
        ("1.23457E+12", "rounded", "the spreadsheet has rounded the number to 1.23457E+12"),
        ("1,23457E+12", "rounded", "the spreadsheet has rounded the number to 1,23457E+12"),
    ],
)
def test_what_is_no_whole_number_is_refused(cell: str, code: str, message: str) -> None:
    with pytest.raises(CellError) as raised:
        cells.whole(cell)
    assert raised.value.code == code
    assert message in str(raised.value)


@given(st.integers(min_value=-(10**29), max_value=10**29), st.integers(min_value=0, max_value=5))
def test_every_whole_number_is_read_with_and_without_decimals(number: int, zeros: int) -> None:
    assert cells.whole(str(number)) == number
    assert cells.whole(f"{number}.{'0' * zeros}") == number


@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", True), (" YES ", True), ("1", True), ("FALSE", False), ("no", False), ("0", False)],
)
def test_yes_and_no_are_read_in_any_case(cell: str, *, value: bool) -> None:
    assert cells.truth(cell) is value


def test_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(CellError, match="'maybe' is neither yes nor no"):
        cells.truth("maybe")


@pytest.mark.parametrize(
    ("cell", "message"),
    [("0,50", "'0,50' has a comma: cents come after a point"), ("$0.50", "has a currency sign")],
)
def test_an_amount_in_the_notation_of_another_place_is_refused(cell: str, message: str) -> None:
    assert cells.dollars(" 0.50 ") == "0.50"
    with pytest.raises(CellError, match=message.replace("$", r"\$")):
        cells.dollars(cell)


@pytest.mark.parametrize("ratio", ["16:9", " 9:16 ", "21:9", "1:1", "4:3", "32:9", "wide"])
def test_a_ratio_is_left_to_the_request(ratio: str) -> None:
    assert cells.ratio(ratio) == ratio.strip()


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("16:09:00", "16:9"),
        ("16:09", "16:9"),
        ("04:03", "4:3"),
        ("09:16:00", "9:16"),
        ("1:01:00 AM", "1:1"),
        ("4:03 pm", "4:3"),
        ("16:9:00", "16:9"),
    ],
)
def test_a_ratio_that_became_a_time_is_told_with_what_to_write(cell: str, right: str) -> None:
    with pytest.raises(CellError, match="has turned the ratio into the time") as raised:
        cells.ratio(cell)
    assert raised.value.code is ProblemCode.TURNED_INTO_TIME
    assert str(raised.value.expected).endswith(f"then write {right}")


@pytest.mark.parametrize(
    "cell", ["#REF!", "#NAME?", "#VALUE!", "#N/A", "#DIV/0!", "#WERT!", "#¡VALOR!", "Err:502"]
)
def test_an_error_of_the_spreadsheet_is_told_as_one(cell: str) -> None:
    with pytest.raises(CellError, match="the spreadsheet shows its error") as raised:
        refuse_error_value(cell)
    assert raised.value.code is ProblemCode.SPREADSHEET_ERROR


def test_a_column_too_narrow_is_told_as_such() -> None:
    with pytest.raises(CellError, match="where a column is too narrow") as raised:
        refuse_error_value("########")
    assert "widen the column" in str(raised.value.expected)


@pytest.mark.parametrize("cell", ["#1", "##", "#kite", "#WOW!", "Error: sky", "### kite"])
def test_what_only_begins_like_an_error_is_text(cell: str) -> None:
    refuse_error_value(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (" https://a.example/1.png ", "https://a.example/1.png"),
        (
            "https://a.example/1.png\nhttps://a.example/2.png",
            ["https://a.example/1.png", "https://a.example/2.png"],
        ),
        ('["https://a.example/1.png"]', ["https://a.example/1.png"]),
    ],
)
def test_one_address_or_several_are_read(cell: str, value: object) -> None:
    assert cells.urls(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("me/style", [{"path": "me/style"}]),
        ("me/style:0.8 https://a.example/w.safetensors", [
            {"path": "me/style", "scale": 0.8}, {"path": "https://a.example/w.safetensors"},
        ]),
        ("https://a.example/w.safetensors:-1", [{"path": "https://a.example/w.safetensors", "scale": -1.0}]),
        ("me/style:v2 a:.5", [{"path": "me/style:v2"}, {"path": "a", "scale": 0.5}]),
        ('{"path": "a", "scale": 1}', [{"path": "a", "scale": 1}]),
        ('[{"path": "a"}]', [{"path": "a"}]),
    ],
)  # fmt: skip
def test_weights_are_read_in_short_and_as_json(cell: str, value: object) -> None:
    assert cells.loras(cell) == value


def test_a_scale_with_a_comma_is_refused() -> None:
    with pytest.raises(CellError, match="the scale '0,8' has a comma: write a point"):
        cells.loras("me/style:0,8")


def test_a_row_id_that_was_rounded_or_is_too_long_is_refused() -> None:
    assert cells.identity(" 1e10 ") == "1e10"
    with pytest.raises(CellError, match="rounded the number"):
        cells.identity("1.23457E+12")
    with pytest.raises(CellError, match="the row id has 201 characters"):
        cells.identity("x" * 201)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\0")), inner)
    ),
    max_leaves=8,
)


@given(value=JSON, escaped=st.booleans())
def test_any_json_that_can_be_kept_is_read_exactly(value: object, *, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    assert json_or_text(text) == json_value(text) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_no_json_is_text(text: str) -> None:
    assert json_or_text(f"x {text}") == f"x {text}".strip()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("true", True),
        ('"5"', "5"),
        ("null", None),
        ("007", "007"),
        ("5,5", "5,5"),
        ("NaN", "NaN"),
        ("[1", "[1"),
        ("9" * 5000, "9" * 5000),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=lambda value: str(value)[:8],
)
def test_a_cell_for_the_provider_is_json_or_else_text(cell: str, value: object) -> None:
    assert json_or_text(cell) == value


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1e400", "a number beyond 1.8e308"),
        ('"a\\u0000b"', "the NUL character"),
        ('{"a": ["\\ud800"]}', "half a surrogate pair"),
        ('{"\\ud800": 1}', "half a surrogate pair"),
        ('{"a": 1, "a": 2}', "a name twice in one object"),
        ("[" * 65 + "]" * 65, "nested deeper than 64 levels"),
    ],
    ids=lambda value: value[:8],
)
def test_json_that_cannot_be_kept_is_refused(cell: str, message: str) -> None:
    with pytest.raises(CellError, match=message):
        json_or_text(cell)
    with pytest.raises(CellError, match=message):
        json_value(cell)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("{a: 1}", "it is not JSON: .* at character 2"),
        ("[" * 100_000, "nested deeper than 64 levels"),
        ("9" * 5000, "a number that cannot be kept"),
        ("NaN", "a number that cannot be kept"),
    ],
    ids=lambda value: value[:8],
)
def test_a_cell_that_must_be_json_says_where_it_is_none(cell: str, message: str) -> None:
    with pytest.raises(CellError, match=message):
        json_value(cell)


def test_an_object_is_asked_for_where_other_json_stands() -> None:
    assert json_object(' {"a": 1} ') == {"a": 1}
    with pytest.raises(CellError, match="it is JSON, but not an object"):
        json_object("[1]")


@pytest.mark.parametrize(
    ("cell", "policies"),
    [
        (" Fastest ", "fastest"),
        ("predictable, Cheapest", ["predictable", "cheapest"]),
        ("quality fastest", ["quality", "fastest"]),
    ],
)
def test_policies_are_one_word_or_several_in_their_order(cell: str, policies: str | list[str]) -> None:
    assert cells.ranking(cell) == policies


@pytest.mark.parametrize(
    "cell",
    ["linkmodel:80 fal:20", "LinkModel=80%, fal=20%", '{"linkmodel": 80, "fal": 20}', "linkmodel:80;fal:20"],
)
def test_shares_are_read_as_people_write_them(cell: str) -> None:
    assert cells.shares(cell) == {"linkmodel": 80, "fal": 20}


@pytest.mark.parametrize("cell", ["80/20", "linkmodel 80", "fal:1.5", "fal:20 fal:80", "{"])
def test_what_are_no_shares_is_refused(cell: str) -> None:
    with pytest.raises(CellError):
        cells.shares(cell)
