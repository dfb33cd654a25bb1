"""What was not billed as it was booked, over HTTP."""

from datetime import UTC, datetime

import httpx
import pytest

from services.runtime import Runtime
from tests.support.different import a_difference
from tests.support.front import Project, new_project

PATH = "/v1/costs/differences"


def jobs(client: httpx.Client, **asked: str | int) -> list[str]:
    answer = client.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    return [one["job_id"] for one in answer.json()["data"]]


def test_a_difference_has_both_amounts_and_says_why(client: httpx.Client, project: Project) -> None:
    job = a_difference(project.runtime, project.id, unit_price="0.0030", units="1")
    [one] = client.get(PATH).json()["data"]
    assert one == {
        "object": "difference",
        "job_id": str(job.id),
        "attempt": 1,
        "provider": "fal",
        "endpoint": "fal-ai/flux/schnell",
        "provider_request_id": "request-1",
        "booked": {"nano_usd": 3_000_000, "usd": "0.003"},
        "invoiced": {"nano_usd": 2_700_000, "usd": "0.0027"},
        "difference": {"nano_usd": -300_000, "usd": "-0.0003"},
        "why": "discount",
        "since": "2026-11-22T12:00:00.000Z",
        "asked_again_at": None,
        "bill": {
            "events": 1,
            "discount": {"nano_usd": 300_000, "usd": "0.0003"},
            "units": "1",
            "unit_price_usd": "0.003",
            "sent_at_unit_price_usd": None,
        },
        "sandbox": False,
    }


def test_what_has_no_bill_has_no_difference(client: httpx.Client, project: Project) -> None:
    a_difference(project.runtime, project.id, invoiced=None, why="never_billed")
    a_difference(project.runtime, project.id, booked=None, invoiced=None, why="unknown")
    unknown, never = client.get(PATH).json()["data"]
    assert (never["why"], never["booked"]["usd"], never["invoiced"], never["difference"], never["bill"]) == (
        "never_billed",
        "0.003",
        None,
        None,
        None,
    )
    assert (unknown["why"], unknown["booked"]) == ("unknown", None)


def test_what_has_become_known_meanwhile_is_no_difference(client: httpx.Client, project: Project) -> None:
    a_difference(project.runtime, project.id, invoiced=None, why="unknown")
    assert jobs(client) == []


def test_pages_go_on_where_the_last_one_ended(client: httpx.Client, project: Project) -> None:
    made = [str(a_difference(project.runtime, project.id).id) for _ in range(5)]
    first = client.get(PATH, params={"limit": 2}).json()
    second = client.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    third = client.get(PATH, params={"limit": 2, "cursor": second["next_cursor"]}).json()
    found = [one["job_id"] for page in (first, second, third) for one in page["data"]]
    assert (found, third["next_cursor"]) == (made[::-1], None)


def test_days_are_both_included(client: httpx.Client, project: Project) -> None:
    days = [datetime(2026, 11, day, 23, 59, tzinfo=UTC) for day in (20, 21, 22)]
    one, two, three = (str(a_difference(project.runtime, project.id, since=day).id) for day in days)
    assert jobs(client, **{"from": "2026-11-21"}) == [three, two]
    assert jobs(client, to="2026-11-21") == [two, one]
    assert jobs(client, **{"from": "2026-11-21", "to": "2026-11-21"}) == [two]


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"from": "2026-11-22", "to": "2026-11-21"},
        {"cursor": "mine"},
        {"limit": 0},
        {"since": "2026-11-22"},
    ],
)
def test_what_cannot_be_asked_is_refused(client: httpx.Client, asked: dict[str, str]) -> None:
    assert client.get(PATH, params=asked).status_code == 422


def test_a_project_sees_its_own(client: httpx.Client, runtime: Runtime) -> None:
    a_difference(runtime, new_project(runtime).id)
    assert jobs(client) == []
