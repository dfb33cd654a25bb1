"""Rows become the job requests that they mean, or all their problems with what would be right."""

import csv
import re
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.generation import GenerationInput, JobRequest, Priority, Routing
from domain.sheets.columns import EXPECTED
from domain.sheets.defaults import RowDefaults
from domain.sheets.errors import ColumnNameError, MissingColumnError
from domain.sheets.interpreting import Interpreter, RowRequest
from domain.sheets.problems import ProblemCode, RowProblem
from domain.sheets.reading import open_sheet

KLING = RowDefaults(model="kling-v3")


def interpret(*rows: list[str], defaults: RowDefaults = KLING) -> list[RowRequest | list[RowProblem]]:
    """What the rows below the first one, the header, mean."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    sheet = open_sheet([text.getvalue().encode()])
    interpreter = Interpreter(sheet.header, defaults)
    return [interpreter.read(row) for row in sheet]


def request(cells: dict[str, str], defaults: RowDefaults = KLING) -> JobRequest:
    [found] = interpret(list(cells), list(cells.values()), defaults=defaults)
    assert isinstance(found, RowRequest), found
    return found.request


def codes(found: RowRequest | list[RowProblem]) -> list[str]:
    return [] if isinstance(found, RowRequest) else [problem.code.value for problem in found]


def problems(cells: dict[str, str], defaults: RowDefaults = KLING) -> list[RowProblem]:
    [found] = interpret(list(cells), list(cells.values()), defaults=defaults)
    assert isinstance(found, list), found
    return found


def job(given: dict[str, Any], **rest: object) -> JobRequest:
    return JobRequest.model_validate({"model": "kling-v3", "input": {"prompt": "a kite"} | given, **rest})


EVERYTHING = {
    "row_id": "r1",
    "prompt": " a kite, \n red ",
    "Model": "flux-dev",
    "negative prompt": "blur",
    "image_url": "https://a.example/1.png https://a.example/2.png",
    "last_image_url": "https://a.example/3.png",
    "aspect_ratio": "16:9",
    "resolution": "720p",
    "duration": "5.0",
    "size": "1024x1024",
    "count": "2",
    "seed": "42",
    "quality": "high",
    "audio": "Yes",
    "loras": "me/style:0.8",
    "extra": '{"a": 1, "b": 2}',
    "extra.b": "[3]",
    "Extra.camelCase": "text",
    "tag.Client": "acme",
    "provider": "AUTO",
    "policy": "Fastest",
    "split": "linkmodel:80 fal:20",
    "fallback": "no",
    "max_cost_usd": "0.50",
    "start_timeout": "120",
    "deadline": "600",
    "max_attempts": "2",
    "zero_retention": "TRUE",
    "hint": "warm-1",
    "object_lifetime": "3600",
    "callback_url": "https://a.example/hook",
    "priority": "LOW",
    "kind": "Video",
    "SKU no": "=7",
}


def test_every_column_goes_where_it_belongs() -> None:
    [found] = interpret(list(EVERYTHING), list(EVERYTHING.values()))
    assert isinstance(found, RowRequest)
    assert (found.row, found.line, found.row_id) == (0, 2, "r1")
    assert found.request.model_dump(mode="json", exclude_unset=True) == {
        "model": "flux-dev",
        "input": {
            "prompt": " a kite, \n red ",
            "negative_prompt": "blur",
            "image_url": ["https://a.example/1.png", "https://a.example/2.png"],
            "last_image_url": "https://a.example/3.png",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": 5,
            "size": "1024x1024",
            "count": 2,
            "seed": 42,
            "quality": "high",
            "audio": True,
            "loras": [{"path": "me/style", "scale": 0.8}],
            "extra": {"a": 1, "b": [3], "camelCase": "text"},
        },
        "kind": "video",
        "routing": {
            "provider": "auto",
            "policy": "fastest",
            "split": {"linkmodel": 80, "fal": 20},
            "fallback": False,
            "max_cost_usd": "0.50",
            "start_timeout": 120,
            "deadline": 600,
            "max_attempts": 2,
            "zero_retention": True,
            "hint": "warm-1",
            "object_lifetime": 3600,
        },
        "callback_url": "https://a.example/hook",
        "tags": {"Client": "acme"},
        "priority": "low",
    }


def test_every_field_of_a_job_request_has_a_column_and_every_column_is_tried_above() -> None:
    fields = {*GenerationInput.model_fields, *Routing.model_fields, *JobRequest.model_fields, "row_id"}
    assert set(EXPECTED) == fields - {"input", "routing", "tags"}
    assert set(EXPECTED) <= {name.lower().replace(" ", "_") for name in EVERYTHING}


def test_an_empty_cell_means_what_the_batch_says() -> None:
    defaults = RowDefaults.model_validate(
        {
            "model": "kling-v3",
            "input": {"duration": 5, "resolution": "720p", "extra": {"a": 1, "b": None}},
            "routing": {"provider": "fal", "max_cost_usd": "0.50"},
            "callback_url": "https://a.example/hook",
            "tags": {"client": "acme", "season": "spring"},
            "priority": "low",
        }
    )
    cells = {
        "prompt": "a kite",
        "model": " ",
        "duration": "",
        "resolution": "1080p",
        "provider": "",
        "policy": "quality",
    }
    cells |= {"tag.season": "autumn", "tag.client": "", "extra": '{"a": 2}', "extra.c": "3", "priority": ""}
    assert request(cells, defaults) == job(
        {"duration": 5, "resolution": "1080p", "extra": {"a": 2, "b": None, "c": 3}},
        routing={"provider": "fal", "max_cost_usd": "0.50", "policy": "quality"},
        callback_url="https://a.example/hook",
        tags={"client": "acme", "season": "autumn"},
        priority="low",
    )
    assert request({"prompt": "a kite"}, defaults).input.extra == {"a": 1, "b": None}
    assert request({"prompt": "a kite", "extra": "{}"}, defaults).input.extra == {"a": 1, "b": None}


def test_a_prompt_alone_is_enough_where_the_batch_has_a_model() -> None:
    assert request({"PROMPT": "a kite"}) == job({})
    assert request({"prompt": "a kite", "extra": '{"a": 1}'}) == job({"extra": {"a": 1}})


@pytest.mark.parametrize(
    ("given", "field"),
    [({"prompt": "a"}, "input"), ({"duration": 0}, "duration"), ({"fps": 1}, "fps")],
)
def test_defaults_hold_what_any_row_may_ask_for_but_no_prompt(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RowDefaults(input=given)
    assert field in str(raised.value)


def test_a_sheet_without_a_model_anywhere_is_refused_at_once() -> None:
    header = open_sheet([b"prompt,sku\n"]).header
    with pytest.raises(MissingColumnError, match="no column model: add one, or give the batch a model"):
        Interpreter(header, RowDefaults())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "tag.my client",
            "column 2 (B) is called 'tag.my client': after the dot comes a name of 1 to 64 letters",
        ),
        ("Tag.", "column 2 (B) is called 'Tag.': after the dot"),
        ("extra. ", "column 2 (B) is called 'extra.': after the dot comes a name of 1 to 200 characters"),
    ],
)
def test_a_tag_or_an_extra_with_a_name_that_cannot_be_taken_is_refused_at_once(
    name: str, message: str
) -> None:
    with pytest.raises(ColumnNameError) as raised:
        Interpreter(open_sheet([f"prompt,{name}\n".encode()]).header, KLING)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["tags.client", "tag", "extras.a", "note.tag.x", "my prompt"])
def test_a_column_that_only_resembles_ours_is_sent_to_nobody(name: str) -> None:
    [found] = interpret(["prompt", name], ["a kite", " x "])
    assert isinstance(found, RowRequest)
    assert found.request == job({})


BAD = [
    ("model", "x" * 201, "too_long", "'x"),
    ("kind", "audio", "not_allowed", "'audio' is not one of the choices"),
    ("callback_url", "ftp://a.example", "invalid", "the text is not written as it has to be"),
    ("priority", "urgent", "not_allowed", "'urgent' is not one of the choices"),
    ("prompt", "x" * 200_001, "too_long", "the text is too long"),
    ("prompt", " ", "missing", "the cell is empty"),
    ("prompt", "#NAME?", "spreadsheet_error", "the spreadsheet shows its error #NAME? there"),
    ("negative_prompt", "x" * 20_001, "too_long", "the text is too long"),
    ("image_url", "a.png", "invalid", "the text is not written as it has to be"),
    ("image_url", "https://a.example/1.png, a.png", "invalid", "the text is not written"),
    ("image_url", "[1]", "invalid", "the text is not written as it has to be"),
    ("last_image_url", "a.png", "invalid", "the text is not written as it has to be"),
    ("aspect_ratio", "16x9", "invalid", "'16x9' is not written as it has to be"),
    ("aspect_ratio", "16:09:00", "turned_into_time", "has turned the ratio into the time 16:09:00"),
    ("resolution", "very high", "invalid", "'very high' is not written as it has to be"),
    ("duration", "601", "out_of_range", "'601' is out of range"),
    ("duration", "five", "not_a_number", "'five' is not a whole number"),
    ("duration", "########", "spreadsheet_error", "where a column is too narrow"),
    ("size", "x" * 41, "too_long", "is too long"),
    ("count", "0", "out_of_range", "'0' is out of range"),
    ("seed", "-1", "out_of_range", "'-1' is out of range"),
    ("seed", "9223372036854775808", "out_of_range", "'9223372036854775808' is out of range"),
    ("seed", "1.23457E+12", "rounded", "has rounded the number to 1.23457E+12"),
    ("quality", "x" * 41, "too_long", "is too long"),
    ("audio", "loud", "not_allowed", "'loud' is neither yes nor no"),
    ("loras", "a:5", "out_of_range", "the text is out of range"),
    ("loras", "a " * 21, "too_long", "the text is too long"),
    ("loras", "[{", "invalid", "it is not JSON"),
    ("extra", "[]", "invalid", "it is JSON, but not an object"),
    ("extra.a", "1e400", "invalid", "its JSON holds a number beyond 1.8e308"),
    ("tag.a", "x" * 257, "too_long", "the text is too long"),
    ("provider", "openai", "not_allowed", "'openai' is not one of the choices"),
    ("policy", "best", "not_allowed", "'best' is not one of the choices"),
    ("policy", "cheapest best", "not_allowed", "'best' is not one of the choices"),
    ("split", "80/20", "invalid", "'80/20' is not a list of shares"),
    ("split", "fal:2000", "out_of_range", "'2000' is out of range"),
    ("fallback", "?", "not_allowed", "'?' is neither yes nor no"),
    ("max_cost_usd", "0,50", "invalid", "'0,50' has a comma: cents come after a point"),
    ("max_cost_usd", "-1", "invalid", "'-1' is not written as it has to be"),
    ("start_timeout", "1", "out_of_range", "'1' is out of range"),
    ("deadline", "0", "out_of_range", "'0' is out of range"),
    ("max_attempts", "11", "out_of_range", "'11' is out of range"),
    ("zero_retention", "2", "not_allowed", "'2' is neither yes nor no"),
    ("hint", "a b", "invalid", "the text is not written as it has to be"),
    ("object_lifetime", "1", "out_of_range", "'1' is out of range"),
    ("row_id", "x" * 201, "too_long", "the row id has 201 characters"),
]


@pytest.mark.parametrize(("name", "cell", "code", "message"), BAD, ids=lambda value: value[:20])
def test_a_cell_outside_its_limits_is_told_with_its_column_and_what_would_be_right(
    name: str, cell: str, code: str, message: str
) -> None:
    [problem] = problems({"prompt": "a kite", "sku": "1", name: cell})
    assert (problem.line, problem.row, problem.column, problem.code) == (2, 0, name, code)
    assert message in problem.message
    assert problem.expected


def test_every_column_is_among_the_bad_cells() -> None:
    assert {name for name, *_ in BAD} >= set(EXPECTED)


@pytest.mark.parametrize(
    "name", [name for name, text in EXPECTED.items() if text.startswith("a whole number")]
)
def test_the_range_that_is_told_is_the_one_that_is_taken(name: str) -> None:
    found = re.search(r"(\d+) to (\d+)$", EXPECTED[name])
    assert found is not None
    low, high = int(found[1]), int(found[2])
    for right in (low, high):
        request({"prompt": "a kite", name: str(right)})
    for wrong in (low - 1, high + 1):
        [problem] = problems({"prompt": "a kite", name: str(wrong)})
        assert (problem.code, problem.expected) == ("out_of_range", EXPECTED[name])


def test_the_choices_that_are_told_are_the_ones_that_are_taken() -> None:
    for name in ("kind", "priority", "provider", "policy"):
        choices = EXPECTED[name].partition(", or ")[0].removeprefix("one of ").split(", ")
        assert len(choices) >= 2
        for choice in choices:
            request({"prompt": "a kite", name: choice})


def test_all_problems_of_a_row_are_told_each_once() -> None:
    cells = {"row_id": "r1", "prompt": "", "Duration ": "5,5", "image_url": "a", "kind": "x", "": "lost"}
    found = problems(cells)
    assert all(problem.row_id == "r1" for problem in found)
    assert [(problem.column, problem.code) for problem in found] == [
        ("column 6 (F)", "no_column_name"),
        ("Duration", "not_a_number"),
        ("prompt", "missing"),
        ("image_url", "invalid"),
        ("kind", "not_allowed"),
    ]


def test_a_cell_that_could_not_be_read_is_not_missing_too() -> None:
    [problem] = problems({"prompt": "#REF!", "model": "kling-v3"}, RowDefaults())
    assert problem.code == "spreadsheet_error"


def test_an_empty_model_is_missing_where_the_batch_has_none() -> None:
    [problem] = problems({"prompt": "a kite", "model": ""}, RowDefaults())
    assert (problem.column, problem.code) == ("model", "missing")


def test_too_many_tags_are_told_once() -> None:
    cells = {"prompt": "a kite"} | {f"tag.t{n}": "x" for n in range(51)}
    [problem] = problems(cells)
    assert (problem.column, problem.code) == ("tags", "too_long")
    assert "at most 50 tags" in problem.expected


def test_what_people_wrote_in_private_fields_is_not_repeated() -> None:
    cells = {"prompt": "secret" * 40_000, "callback_url": "secret", "image_url": "secret", "hint": "secret x"}
    found = problems({**cells, "tag.a": "secret" * 50, "loras": "secret:9"})
    assert len(found) == 6
    assert not any("secret" in problem.message for problem in found)


@pytest.mark.parametrize("cells", [["a kite", "x", "y"], ["a kite, red", "x", "y", "z"], ["a kite"]])
def test_a_row_with_more_or_fewer_cells_than_the_header_is_bad_by_itself(cells: list[str]) -> None:
    found = interpret(["prompt", "duration"], cells, ["a dune", "5"])
    [problem] = found[0] if isinstance(found[0], list) else []
    assert (problem.column, problem.code) == (None, "cell_count")
    assert problem.message == f"the row has {len(cells)} cells, the header 2"
    assert "one cell for each column" in problem.expected
    assert isinstance(found[1], RowRequest)


def test_empty_cells_beyond_the_header_are_nothing() -> None:
    found = interpret(
        ["prompt", "", "duration", "", ""], ["a kite", "", "5", "", "", "", " "], ["a dune", " ", "5"]
    )
    assert [one.request.input.duration for one in found if isinstance(one, RowRequest)] == [5, 5]


def test_a_filled_cell_without_a_column_name_is_told_with_its_place() -> None:
    [found, short] = interpret(
        ["prompt", "", "duration", "", ""], ["a kite", "x", "5", "", "y"], ["a", "x", "5"]
    )
    assert isinstance(found, list)
    assert isinstance(short, list)
    places = [(problem.column, problem.code) for problem in (*found, *short)]
    assert places == [(f"column {place}", "no_column_name") for place in ("2 (B)", "5 (E)", "2 (B)")]


def test_the_second_row_with_a_row_id_is_bad_and_names_the_line_of_the_first() -> None:
    found = interpret(
        ["Row ID", "prompt"], ["a", "1\n2"], ["b", "3"], ["", "4"], [" a ", "5"], ["", "6"], ["a", ""]
    )
    assert [isinstance(one, RowRequest) for one in found] == [True, True, True, False, True, False]
    assert found[3] == [
        RowProblem(
            6,
            3,
            "a",
            "Row ID",
            ProblemCode.DUPLICATE_ROW_ID,
            "line 2 has the same row id",
            EXPECTED["row_id"],
        )
    ]
    assert codes(found[5]) == ["missing", "duplicate_row_id"]


def test_a_bad_row_keeps_its_row_id_for_itself() -> None:
    found = interpret(["row_id", "prompt"], ["a", ""], ["a", "x"])
    assert [codes(one) for one in found] == [["missing"], ["duplicate_row_id"]]


def test_row_ids_of_rows_read_before_are_recalled() -> None:
    sheet = open_sheet([b"prompt,row_id\n1,a\n2,\n3\n4,a\n"])
    interpreter = Interpreter(sheet.header, KLING)
    for row in (next(sheet), next(sheet), next(sheet)):
        interpreter.recall(row)
    found = interpreter.read(next(sheet))
    assert isinstance(found, list)
    assert [problem.message for problem in found] == ["line 2 has the same row id"]


def test_row_ids_of_any_length_are_told_apart() -> None:
    ids = ["a" * length for length in range(1, 201)]
    found = interpret(["row_id", "prompt"], *([row_id, "x"] for row_id in [*ids, *ids]))
    assert all(isinstance(one, RowRequest) for one in found[: len(ids)])
    assert [codes(one) for one in found[len(ids) :]] == [["duplicate_row_id"]] * len(ids)


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=12)
NAMES = st.text("abcxyz_", min_size=1, max_size=6)
ASKED = st.fixed_dictionaries(
    {"prompt": WORDS.map(lambda text: f"a {text}")},
    optional={
        "duration": st.integers(1, 600),
        "seed": st.integers(0, 2**63 - 1),
        "audio": st.booleans(),
        "resolution": st.sampled_from(["720p", "2K"]),
        "extra": st.dictionaries(NAMES, st.integers() | NAMES.map(lambda text: f"{text} x"), max_size=3),
    },
)


@given(ASKED, ASKED, st.sampled_from(Priority))
def test_a_row_asks_for_what_the_same_job_request_asks_for(
    own: dict[str, Any], default: dict[str, Any], priority: Priority
) -> None:
    default = {name: value for name, value in default.items() if name != "prompt"}
    cells = {name: str(value) for name, value in own.items() if name != "extra"}
    cells |= {f"extra.{name}": str(value) for name, value in own.get("extra", {}).items()}
    extra = default.get("extra", {}) | own.get("extra", {})
    defaults = RowDefaults(model="kling-v3", input=default, priority=priority)
    assert request(cells, defaults) == job(default | own | {"extra": extra}, priority=priority)


DAMAGED = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(
    ["16:09", "#REF!", "1E+05", "5,5", "[[", "{}", "[1]", "\u0661", "1e400", "a:9", "-", "true", "nan", "1_0"]
)


@given(st.lists(DAMAGED, min_size=len(EVERYTHING), max_size=len(EVERYTHING)))
def test_whatever_the_cells_are_the_row_is_a_job_or_its_problems_are_told_with_what_is_right(
    cells: list[str],
) -> None:
    for found in interpret(list(EVERYTHING), cells):
        assert isinstance(found, RowRequest) or (found and all(problem.expected for problem in found))
