"""Rows as jobs that wait: planned, priced and summed, or told what keeps them from running."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.offers import Offer, Quote
from domain.quoting import NOTHING
from domain.sheets.defaults import RowDefaults
from domain.sheets.interpreting import Interpreter
from domain.sheets.problems import ProblemCode, RowProblem
from domain.sheets.reading import open_sheet
from outbound.addresses import PrivateHosts
from services.batches.addresses import CallbackCheck
from services.batches.estimate import Estimate, Range
from services.batches.rows import RowPlanner
from storage.batches.rows import NewRow
from tests.support.engine import Engine

NANO = st.integers(0, 2**40)
PRICES = st.lists(st.none() | st.tuples(NANO, NANO).map(lambda ends: (min(ends), max(ends))))


def planned(
    engine: Engine,
    sheet: str,
    **defaults: Any,  # noqa: ANN401 - fields
) -> tuple[list[NewRow | list[RowProblem]], RowPlanner]:
    opened = open_sheet([sheet.encode()])
    interpreter = Interpreter(opened.header, RowDefaults.model_validate(defaults))
    planner = RowPlanner(engine.runtime, opened.header, known=NOTHING)
    found: list[NewRow | list[RowProblem]] = []
    for row in opened:
        read = interpreter.read(row)
        assert not isinstance(read, list), read
        found.append(planner.plan(read))
    return found, planner


def only_problem(engine: Engine, sheet: str, **defaults: Any) -> RowProblem:  # noqa: ANN401 - fields
    [[problem]], _ = planned(engine, sheet, **defaults)  # type: ignore[misc]
    return problem


def test_a_good_row_is_a_job_with_its_plan_and_what_to_hold(engine: Engine) -> None:
    sheet = "row_id,prompt,model,count,tag.client\nkite,a red kite,pair,2,acme\n"
    [row], _ = planned(engine, sheet, tags={"year": "2026"}, routing={"policy": "cheapest"})
    assert isinstance(row, NewRow)
    assert (row.number, row.row_id) == (0, "kite")
    assert json.loads(row.input) == {"prompt": "a red kite", "count": 2, "extra": {}}
    like = row.likeness
    assert (like.kind, like.model, like.callback_url) == ("image", "pair", None)
    assert json.loads(like.tags) == {"year": "2026", "client": "acme"}
    assert json.loads(like.routing)["policy"] == "cheapest"
    assert [entry["provider"] for entry in json.loads(like.plan)] == ["linkmodel", "fal"]
    assert (like.provider, like.endpoint, like.priority) == ("linkmodel", "pair-a", "normal")
    # The first choice is quoted, and the dearest is held.
    assert (like.quoted_nano, like.held_nano, like.sandbox) == (40_000_000, 60_000_000, False)


def test_rows_are_told_apart_by_their_own_values(engine: Engine) -> None:
    sheet = "prompt,model,tag.n,policy,count\na,pair,1,cheapest,1\nb,pair,2,quality,2\n"
    (one, two), _ = planned(engine, sheet)
    assert isinstance(one, NewRow)
    assert isinstance(two, NewRow)
    first, second = one.likeness, two.likeness
    assert (json.loads(first.tags), json.loads(second.tags)) == ({"n": "1"}, {"n": "2"})
    policies = (json.loads(first.routing)["policy"], json.loads(second.routing)["policy"])
    assert policies == ("cheapest", "quality")
    assert (first.quoted_nano, second.quoted_nano) == (20_000_000, 40_000_000)


def test_rows_that_differ_in_their_inputs_alone_share_all_else(engine: Engine) -> None:
    rows, planner = planned(engine, "prompt,model,seed\na,pair,1\nb,pair,2\n")
    assert [json.loads(row.input)["prompt"] for row in rows if isinstance(row, NewRow)] == ["a", "b"]
    assert len({id(row.likeness) for row in rows if isinstance(row, NewRow)}) == 1
    assert planner.estimate.total.rows == 2


def test_rows_that_are_split_begin_at_each_provider_as_often_as_its_share_has_it(engine: Engine) -> None:
    sheet = "prompt,model,split\n" + "a,pair,linkmodel:3 fal:1\n" * 400
    rows, planner = planned(engine, sheet)
    firsts = Counter(row.likeness.provider for row in rows if isinstance(row, NewRow))
    assert 240 < firsts["linkmodel"] < 350
    assert firsts["linkmodel"] + firsts["fal"] == 400
    for row in rows:
        assert isinstance(row, NewRow)
        plans = [entry["provider"] for entry in json.loads(row.likeness.plan)]
        assert (plans[0], len(plans)) == (row.likeness.provider, 2)
    ranges = {one.provider: one.range.rows for one in planner.estimate.by_offer()}
    assert ranges == firsts


def test_what_the_rows_may_cost_is_summed_by_model_and_offer(engine: Engine) -> None:
    _, planner = planned(engine, "prompt,model\na,pair\nb,pair\nc,film\n")
    assert planner.estimate.quotes() == {
        "pair|linkmodel|pair-a": {"rows": 2, "unpriced": 0, "low_nano": 40_000_000, "high_nano": 40_000_000},
        "film|fal|test/film": {"rows": 1, "unpriced": 1, "low_nano": None, "high_nano": None},
    }
    assert planner.estimate.total == Range(3, 1, 40_000_000, None)


def test_the_sum_goes_on_from_what_was_read_before(engine: Engine) -> None:
    _, planner = planned(engine, "prompt,model\na,pair\n")
    again = Estimate(planner.estimate.quotes())
    assert (again.quotes(), again.total) == (planner.estimate.quotes(), planner.estimate.total)


@pytest.mark.parametrize(
    ("sheet", "column", "said"),
    [
        ("prompt,Model\na,nosuch\n", "Model", "model 'nosuch' is not known"),
        ("prompt,model\na,nothing\n", "model", "nothing has no offer to run at"),
        ("prompt,model,kind\na,pair,video\n", "kind", "pair"),
        ("prompt,model,max_cost_usd\na,pair,0.01\n", None, "no offer can run this job: linkmodel pair-a"),
    ],
)
def test_a_row_that_nothing_can_run_says_which_column_is_to_blame(
    engine: Engine, sheet: str, column: str | None, said: str
) -> None:
    problem = only_problem(engine, sheet)
    assert (problem.line, problem.row, problem.column, problem.code) == (2, 0, column, ProblemCode.NO_OFFER)
    assert said in problem.message
    assert problem.expected


def test_a_default_that_is_to_blame_has_no_column(engine: Engine) -> None:
    assert only_problem(engine, "prompt\na\n", model="nosuch").column is None


def test_a_row_may_call_nobody_on_a_private_network(engine: Engine) -> None:
    sheet = "prompt,callback_url,model\na,http://10.0.0.1/hook,pair\n"
    problem = only_problem(engine, sheet)
    assert (problem.column, problem.code) == ("callback_url", ProblemCode.NOT_ALLOWED)
    assert "10.0.0.1" in problem.message
    [both], _ = planned(engine, sheet.replace("pair", "nosuch"))
    assert isinstance(both, list)
    assert [one.column for one in both] == ["model", "callback_url"]
    [good], _ = planned(engine, "prompt,callback_url,model\na,http://127.0.0.1/hook,pair\n")
    assert isinstance(good, NewRow)
    assert good.likeness.callback_url == "http://127.0.0.1/hook"


@pytest.mark.parametrize(
    ("column", "cell", "named"),
    [
        ("image_url", "http://10.0.0.1/1.png", "image_url"),
        ("last_image_url", "http://[::1]/1.png", "last_image_url"),
        ("loras", "http://10.0.0.1/w", "loras"),
        ("extra.frame", "http://169.254.169.254/", None),
    ],
)
def test_a_row_may_name_no_file_on_a_private_network(
    engine: Engine, column: str, cell: str, named: str | None
) -> None:
    problem = only_problem(engine, f"prompt,model,{column}\na,pair,{cell}\n")
    assert (problem.column, problem.code) == (named, ProblemCode.NOT_ALLOWED)
    assert "on a host that everybody can reach" in problem.expected


def test_of_thousands_of_hosts_few_are_looked_up_and_addresses_are_always_checked() -> None:
    check = CallbackCheck(PrivateHosts.parse(""))
    assert [check.complaint(f"http://1.1.1.{n}/hook") for n in range(101)] == [None] * 101
    assert check.complaint("http://no-such-host.invalid/hook") is None
    assert check.complaint("http://169.254.169.254/hook") is not None
    assert check.complaint("http://0x7f000001/hook") is not None


def test_what_was_said_of_an_address_is_said_again_also_after_it_was_forgotten() -> None:
    check = CallbackCheck(PrivateHosts.parse(""))
    first = check.complaint("http://127.0.0.1/hook")
    assert check.complaint("http://127.0.0.1/hook") == first
    for n in range(10_000):
        check.complaint(f"ftp://example.com/{n}")
    assert check.complaint("http://127.0.0.1/hook") == first
    assert check.complaint("http://no-such-host.invalid/") is None


@given(PRICES)
def test_a_range_is_the_sum_of_what_is_known_and_its_end_is_open_once_something_is_not(
    prices: list[tuple[int, int] | None],
) -> None:
    found = Range()
    for price in prices:
        found.add(*(price or (None, None)))
    known = [price for price in prices if price is not None]
    unknown = len(prices) - len(known)
    assert (found.rows, found.unpriced) == (len(prices), unknown)
    assert found.low_nano == (sum(low for low, _ in known) if known else None)
    assert found.high_nano == (sum(high for _, high in known) if known and not unknown else None)


@given(st.lists(PRICES, max_size=4))
def test_ranges_together_are_the_range_of_all_rows(parts: list[list[tuple[int, int] | None]]) -> None:
    whole = Range()
    ranges = []
    for part in parts:
        one = Range()
        for price in part:
            one.add(*(price or (None, None)))
            whole.add(*(price or (None, None)))
        ranges.append(one)
    assert Range.of(one for one in ranges if one.rows) == whole


@pytest.mark.parametrize(
    ("found", "budget", "fits"),
    [
        (Range(1, 0, 5, 10), None, None),
        (Range(1, 0, 5, 10), 10, True),
        (Range(1, 0, 5, 10), 9, False),
        (Range(2, 1, 5, None), 100, None),
        (Range(2, 1, 5, None), 4, False),
        (Range(1, 1, None, None), 4, None),
    ],
)
def test_a_budget_fits_only_where_that_is_certain(
    found: Range,
    budget: int | None,
    fits: bool | None,  # noqa: FBT001 - expected
) -> None:
    assert found.fits(budget) is fits


def test_a_sheet_where_each_row_has_its_own_tags_does_not_fill_the_memory(engine: Engine) -> None:
    sheet = "prompt,model,tag.n\n" + "".join(f"a,pair,{n}\n" for n in range(1_100))
    rows, _ = planned(engine, sheet)
    assert [json.loads(row.likeness.tags)["n"] for row in rows if isinstance(row, NewRow)] == [
        str(n) for n in range(1_100)
    ]


def test_offers_are_told_by_name() -> None:
    estimate = Estimate({})
    for name in ("b", "a"):
        offer = Offer(model=name, kind="image", provider="fal", endpoint=f"{name}/x")  # type: ignore[arg-type]
        estimate.range_of(name, Quote(offer, 1, 2, "catalogue")).add(1, 2)
    assert [(one.model, one.provider, one.endpoint, one.range.rows) for one in estimate.by_offer()] == [
        ("a", "fal", "a/x", 1),
        ("b", "fal", "b/x", 1),
    ]
