"""Routing: what keeps a job from an offer, and the order of the rest under each policy."""

from collections import Counter
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation import Policy, Routing
from domain.lifecycle import Kind
from domain.offers import Offer, Quote
from domain.routing import Availability, NoOffer, Plan, divided, plan
from domain.starts import Start

REAL = Availability(configured=True, sandbox=False)
SANDBOX = Availability(configured=True, sandbox=True)
ABSENT = Availability(configured=False, sandbox=False)
BOTH = {"fal": REAL, "linkmodel": REAL}


class OfferParts(TypedDict, total=False):
    expected_seconds: int | None
    quality: int
    zero_retention: bool


def a_quote(
    endpoint: str,
    low: int | None,
    high: int | None = None,
    *,
    provider: str = "fal",
    **more: Unpack[OfferParts],
) -> Quote:
    """A quote from ``low`` to ``high`` hundredths of a dollar."""
    offer = Offer(model="m", kind=Kind.VIDEO, provider=provider, endpoint=endpoint, **more)
    ends = [
        None if cents is None else cents * 10_000_000 for cents in (low, high if high is not None else low)
    ]
    return Quote(offer, ends[0], ends[1], "catalogue")


def order(made: Plan) -> list[str]:
    return [choice.offer.endpoint for choice in made.choices]


def reasons(made: Plan) -> dict[str, str]:
    return {one.offer.endpoint: one.reason for one in made.passed_over}


OFFERS = [
    a_quote("range", 10, 40, expected_seconds=60, quality=1),
    a_quote("fixed", 30, expected_seconds=200, quality=3),
    a_quote("narrow", 20, 25, quality=2),
    a_quote("unknown", None, expected_seconds=5, quality=3),
]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("cheapest", ["narrow", "fixed", "range", "unknown"]),
        ("predictable", ["fixed", "narrow", "range", "unknown"]),
        ("fastest", ["unknown", "range", "fixed", "narrow"]),
        ("quality", ["fixed", "unknown", "narrow", "range"]),
    ],
)
def test_each_policy_has_its_own_order(policy: str, expected: list[str]) -> None:
    made = plan(OFFERS, Routing(policy=Policy(policy)), available=BOTH)
    assert order(made) == expected
    assert made.passed_over == ()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "cheapest",
            [
                "first choice by policy cheapest: costs $0.2 to $0.25",
                "fallback 1 by policy cheapest: costs $0.3",
                "fallback 2 by policy cheapest: costs $0.1 to $0.4",
                "fallback 3 by policy cheapest: its price is not known",
            ],
        ),
        (
            "predictable",
            [
                "first choice by policy predictable: the price is fixed, costs $0.3",
                "fallback 1 by policy predictable: the price varies by $0.05, costs $0.2 to $0.25",
                "fallback 2 by policy predictable: the price varies by $0.3, costs $0.1 to $0.4",
                "fallback 3 by policy predictable: its price is not known",
            ],
        ),
        (
            "fastest",
            [
                "first choice by policy fastest: takes about 5 s, its price is not known",
                "fallback 1 by policy fastest: takes about 60 s, costs $0.1 to $0.4",
                "fallback 2 by policy fastest: takes about 200 s, costs $0.3",
                "fallback 3 by policy fastest: its speed is not known, costs $0.2 to $0.25",
            ],
        ),
        (
            "quality",
            [
                "first choice by policy quality: quality rank 3, costs $0.3",
                "fallback 1 by policy quality: quality rank 3, its price is not known",
                "fallback 2 by policy quality: quality rank 2, costs $0.2 to $0.25",
                "fallback 3 by policy quality: quality rank 1, costs $0.1 to $0.4",
            ],
        ),
    ],
)
def test_each_choice_says_why_it_ranks_where_it_does(policy: str, expected: list[str]) -> None:
    made = plan(OFFERS, Routing(policy=Policy(policy)), available=BOTH)
    assert [choice.why for choice in made.choices] == expected


def test_equal_offers_are_tried_by_the_name_of_their_provider() -> None:
    quotes = [a_quote("a", 5, provider="linkmodel"), a_quote("b", 5), a_quote("a", 5)]
    made = plan(quotes, Routing(), available=BOTH)
    tried = [(choice.offer.provider, choice.offer.endpoint) for choice in made.choices]
    assert tried == [("fal", "a"), ("fal", "b"), ("linkmodel", "a")]


def test_a_provider_asked_for_by_name_is_the_only_one() -> None:
    quotes = [a_quote("cheap", 1), a_quote("asked", 9, provider="linkmodel")]
    made = plan(quotes, Routing(provider="linkmodel"), available=BOTH)
    assert order(made) == ["asked"]
    assert reasons(made) == {"cheap": "the job asks for linkmodel"}


@pytest.mark.parametrize("available", [{"linkmodel": REAL}, {"linkmodel": REAL, "fal": ABSENT}])
def test_a_provider_without_a_key_is_passed_over(available: dict[str, Availability]) -> None:
    quotes = [a_quote("cheap", 1), a_quote("dear", 9, provider="linkmodel")]
    made = plan(quotes, Routing(), available=available)
    assert order(made) == ["dear"]
    assert reasons(made) == {"cheap": "fal is not configured: set its API key"}


def test_a_sandbox_never_slips_in_beside_a_real_provider() -> None:
    quotes = [a_quote("cheap", 1), a_quote("dear", 9, provider="linkmodel")]
    made = plan(quotes, Routing(), available={"fal": SANDBOX, "linkmodel": REAL})
    assert order(made) == ["dear"]
    assert reasons(made) == {"cheap": "only a sandbox stands in for fal: name the provider to use it"}


def test_a_sandbox_is_used_when_it_is_asked_for_by_name() -> None:
    quotes = [a_quote("cheap", 1)]
    made = plan(quotes, Routing(provider="fal"), available={"fal": SANDBOX, "linkmodel": REAL})
    assert order(made) == ["cheap"]


def test_sandboxes_serve_where_nothing_is_real() -> None:
    quotes = [a_quote("cheap", 1), a_quote("dear", 9, provider="linkmodel")]
    made = plan(quotes, Routing(), available={"fal": SANDBOX, "linkmodel": SANDBOX, "other": ABSENT})
    assert order(made) == ["cheap", "dear"]


def test_zero_retention_leaves_only_offers_that_promise_it() -> None:
    quotes = [a_quote("keeps", 1), a_quote("forgets", 9, zero_retention=True)]
    made = plan(quotes, Routing(zero_retention=True), available=BOTH)
    assert order(made) == ["forgets"]
    assert reasons(made) == {"keeps": "it does not promise zero retention: unknown"}


def test_a_ceiling_is_held_against_the_upper_end_of_a_quote() -> None:
    made = plan(OFFERS, Routing(max_cost_usd="0.30"), available=BOTH)
    assert order(made) == ["narrow", "fixed"]
    assert reasons(made) == {
        "range": "it may cost $0.4, above max_cost_usd 0.3",
        "unknown": "its price is not known beforehand, so max_cost_usd 0.3 cannot be promised",
    }


def test_without_fallback_the_first_choice_is_the_only_one() -> None:
    made = plan(OFFERS, Routing(fallback=False), available=BOTH)
    assert order(made) == ["narrow"]
    assert reasons(made) == dict.fromkeys(["fixed", "range", "unknown"], "ranked lower, and fallback is off")


def test_no_offer_left_names_each_offer_and_why() -> None:
    quotes = [a_quote("owner/app", 50), a_quote("kling", 40, provider="linkmodel")]
    with pytest.raises(NoOffer) as refused:
        plan(quotes, Routing(max_cost_usd="0.45"), available={"fal": REAL})
    assert str(refused.value) == (
        "no offer can run this job: fal owner/app: it may cost $0.5, above max_cost_usd 0.45; "
        "linkmodel kling: linkmodel is not configured: set its API key"
    )
    assert [one.offer.endpoint for one in refused.value.reasons] == ["owner/app", "kling"]


def test_a_model_without_offers_is_said_to_have_none() -> None:
    with pytest.raises(NoOffer, match="the model has none"):
        plan([], Routing(), available=BOTH)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["predictable", "fastest"], ["quick fixed", "slow fixed", "wide", "unknown"]),
        (["predictable", "cheapest"], ["slow fixed", "quick fixed", "wide", "unknown"]),
        (["quality", "fastest"], ["unknown", "quick fixed", "wide", "slow fixed"]),
        (["cheapest", "quality"], ["slow fixed", "quick fixed", "wide", "unknown"]),
        (["quality", "predictable", "cheapest"], ["quick fixed", "unknown", "slow fixed", "wide"]),
    ],
)
def test_where_offers_are_equal_by_one_policy_the_next_decides(
    policies: list[str], expected: list[str]
) -> None:
    quotes = [
        a_quote("slow fixed", 20, expected_seconds=90, quality=1),
        a_quote("quick fixed", 30, expected_seconds=9, quality=2),
        a_quote("wide", 10, 40, expected_seconds=60, quality=1),
        a_quote("unknown", None, expected_seconds=5, quality=2),
    ]
    made = plan(quotes, Routing.model_validate({"policy": policies}), available=BOTH)
    assert order(made) == expected


def test_every_policy_says_its_part_of_why() -> None:
    routing = Routing.model_validate({"policy": ["predictable", "fastest"]})
    made = plan(OFFERS, routing, available=BOTH)
    assert made.choices[0].why == (
        "first choice by policy predictable, then fastest: the price is fixed, takes about 200 s, costs $0.3"
    )


def test_how_long_it_took_here_goes_before_what_was_published() -> None:
    published = a_quote("published", 10, expected_seconds=30)
    lately = replace(a_quote("lately", 20, expected_seconds=90), start=Start(None, None, 12))
    made = plan([published, lately], Routing(policy=Policy.FASTEST), available=BOTH)
    assert [choice.why for choice in made.choices] == [
        "first choice by policy fastest: took about 12 s here lately, costs $0.2",
        "fallback 1 by policy fastest: takes about 30 s, costs $0.1",
    ]


SPLIT = {"split": {"linkmodel": 80, "fal": 20}}
BETWEEN = [
    a_quote("l", 30, provider="linkmodel"),
    a_quote("f", 10),
    a_quote("f2", 20),
]


def a_split(**routing: Any) -> Routing:  # noqa: ANN401 - fields of a routing
    return Routing.model_validate(SPLIT | routing)


def test_a_split_begins_at_the_best_offer_of_each_provider_as_often_as_it_says() -> None:
    made = plan(BETWEEN, a_split(), available=BOTH)
    assert [(one.offer.endpoint, one.share, one.why) for one in made.choices] == [
        ("f", 20.0, "20 % of jobs begin here by split: costs $0.1"),
        ("f2", None, "fallback 1 by policy cheapest: costs $0.2"),
        ("l", 80.0, "80 % of jobs begin here by split: costs $0.3"),
    ]
    drawn = [divided(made, a_split(), f"job {number}") for number in range(5000)]
    firsts = Counter(order(one)[0] for one in drawn)
    assert set(firsts) == {"l", "f"}
    assert 0.78 < firsts["l"] / 5000 < 0.82
    assert {tuple(order(one)) for one in drawn} == {("l", "f", "f2"), ("f", "f2", "l")}


def test_the_same_job_always_draws_the_same() -> None:
    made = plan(BETWEEN, a_split(), available=BOTH)
    for number in range(50):
        assert divided(made, a_split(), f"{number}") == divided(made, a_split(), f"{number}")


def test_without_fallback_a_split_leaves_only_what_was_drawn() -> None:
    routing = a_split(fallback=False)
    made = plan(BETWEEN, routing, available=BOTH)
    assert order(made) == ["f", "l"]
    assert reasons(made) == {"f2": "ranked lower, and fallback is off"}
    assert {tuple(order(divided(made, routing, f"{number}"))) for number in range(50)} == {("f",), ("l",)}


def test_a_share_that_cannot_run_goes_to_the_others() -> None:
    routing = a_split(max_cost_usd="0.25")
    made = plan(BETWEEN, routing, available=BOTH)
    assert [(one.offer.endpoint, one.share) for one in made.choices] == [("f", 100.0), ("f2", None)]
    assert order(divided(made, routing, "any"))[0] == "f"


def test_where_no_provider_of_a_split_can_run_the_policy_decides() -> None:
    routing = Routing.model_validate({"split": {"linkmodel": 1}, "fallback": False})
    made = plan(BETWEEN, routing, available={"fal": REAL})
    assert order(made) == order(divided(made, routing, "any")) == ["f"]


def test_a_plan_without_a_split_stays_as_it_is() -> None:
    made = plan(BETWEEN, Routing(), available=BOTH)
    assert divided(made, Routing(), "any") is made


def _quotes() -> st.SearchStrategy[list[Quote]]:
    one = st.builds(
        a_quote,
        endpoint=st.sampled_from("abcdef"),
        low=st.none() | st.integers(0, 50),
        provider=st.sampled_from(["fal", "linkmodel", "other"]),
        quality=st.integers(0, 3),
        expected_seconds=st.none() | st.integers(1, 300),
        zero_retention=st.booleans(),
    )
    return st.lists(one, max_size=8, unique_by=lambda quoted: (quoted.offer.provider, quoted.offer.endpoint))


def _planned(quotes: list[Quote], routing: Routing, available: dict[str, Availability]) -> Plan:
    try:
        return plan(quotes, routing, available=available)
    except NoOffer as refused:
        return Plan((), refused.reasons)


@given(
    quotes=_quotes(),
    routing=st.builds(
        Routing,
        policy=st.sampled_from(Policy),
        fallback=st.booleans(),
        provider=st.sampled_from(["auto", "fal", "linkmodel"]),
        zero_retention=st.booleans(),
        max_cost_usd=st.none() | st.sampled_from(["0.1", "0.25"]),
    ),
    available=st.dictionaries(
        st.sampled_from(["fal", "linkmodel"]), st.sampled_from([REAL, SANDBOX, ABSENT])
    ),
    data=st.data(),
)
def test_every_offer_is_either_tried_or_passed_over_whatever_order_they_come_in(
    quotes: list[Quote], routing: Routing, available: dict[str, Availability], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(quotes))
    made = _planned(quotes, routing, available)
    assert _planned(shuffled, routing, available).choices == made.choices
    assert len(made.choices) + len(made.passed_over) == len(quotes)
    assert all((choice.high_nano or 0) <= (routing.max_cost_nano or 10**12) for choice in made.choices)
