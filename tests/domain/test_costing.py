"""Groups of costs: how they are named, and sums that add up."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costing import Dimension, Grouping, GroupingError, Sums, together

sums = st.builds(Sums, **{one.name: st.integers(-(2**63), 2**63) for one in fields(Sums)})


@pytest.mark.parametrize(
    ("text", "names", "fine"),
    [
        ("", (), False),
        ("  ", (), False),
        ("provider,model,day", ("provider", "model", "day"), False),
        ("tag.client", ("tag.client",), True),
        ("month, batch_id", ("month", "batch_id"), True),
        (",".join(list(Dimension)[:8]), tuple(Dimension)[:8], True),
    ],
)
def test_names_are_read_in_their_order(text: str, names: tuple[str, ...], *, fine: bool) -> None:
    found = Grouping.parse(text)
    assert (found.names, found.fine) == (names, fine)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("provder", "did you mean provider?"),
        ("zzz", "known are provider, endpoint, model"),
        ("day,day", "give each name once"),
        ("day,", "cannot be ''"),
        ("tag.", "write it like tag.client"),
        ("tag.a b", "write it like tag.client"),
        ("tag.NAME;", "write it like tag.client"),
        (",".join(Dimension), "give at most 8"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(text: str, said: str) -> None:
    with pytest.raises(GroupingError, match=said):
        Grouping.parse(text)


@given(sums, sums, sums)
def test_sums_add_up_in_any_order(one: Sums, two: Sums, three: Sums) -> None:
    assert together([one, two, three]) == together([three, one, two]) == one + (two + three)
    assert together([]) + one == one
    assert (one + two).spent_nano == one.spent_nano + two.spent_nano


@given(sums)
def test_every_job_is_in_one_state(one: Sums) -> None:
    assert one.open + one.succeeded + one.failed + one.canceled + one.review == one.jobs


@pytest.mark.parametrize(
    ("given", "spent"),
    [
        (Sums(), 0),
        (Sums(unknown=1), None),
        (Sums(unknown=1, priced=1, spent_nano=0), 0),
        (Sums(priced=1, spent_nano=7), 7),
    ],
)
def test_unknown_is_never_0(given: Sums, spent: int | None) -> None:
    assert given.known_spent_nano == spent


def test_what_is_not_billed_yet_is_not_0() -> None:
    assert (Sums().known_invoiced_nano, Sums(invoiced=1).known_invoiced_nano) == (None, 0)
