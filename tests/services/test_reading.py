"""Cursors: what pages are strung together by."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import reading
from services.reading import Slice
from services.refusals import Unprocessable
from services.runtime import Runtime
from storage.listing import JobFilter
from tests.support.front import new_project, running_parts
from tests.support.rows import a_job, end_job, keep


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    with running_parts(database_url, tmp_path) as parts:
        yield parts


def pages(runtime: Runtime, project_id: UUID, size: int) -> list[list[str]]:
    found = []
    cursor: str | None = None
    while True:
        page = reading.job_list(runtime, project_id, JobFilter(), Slice(size, cursor))
        found.append([job["id"] for job in page["data"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages_of_any_size_hold_every_job_once(runtime: Runtime, size: int) -> None:
    project = new_project(runtime)
    rows = [a_job(project_id=project.id) for _ in range(4)]
    keep(runtime, *rows)
    found = pages(runtime, project.id, size)
    assert [job_id for page in found for job_id in page] == [str(row.id) for row in reversed(rows)]
    assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
    assert found[-1]


def test_what_comes_in_meanwhile_moves_no_page(runtime: Runtime) -> None:
    project = new_project(runtime)
    rows = [a_job(project_id=project.id) for _ in range(3)]
    keep(runtime, *rows)
    first = reading.job_list(runtime, project.id, JobFilter(), Slice(2))
    keep(runtime, a_job(project_id=project.id))
    second = reading.job_list(runtime, project.id, JobFilter(), Slice(2, first["next_cursor"]))
    assert [job["id"] for job in second["data"]] == [str(rows[0].id)]


@given(st.text(max_size=30) | st.text("ABCwxyz0189-_", min_size=20, max_size=24))
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    try:
        position = reading.position(cursor)
    except Unprocessable as refusal:
        refused = refusal
    else:
        assert reading.cursor(position) == cursor
        return
    assert refused.details == {"field": "cursor"}


@given(st.uuids())
def test_a_cursor_comes_back_as_the_place_that_it_stands_for(last: UUID) -> None:
    assert reading.position(reading.cursor(last)) == last


def test_the_ended_among_many_are_found_in_one_question(runtime: Runtime) -> None:
    project = new_project(runtime)
    rows = [a_job(project_id=project.id) for _ in range(3)]
    keep(runtime, *rows)
    end_job(runtime, rows[1].id)
    assert reading.ended(runtime, [row.id for row in rows]) == [rows[1].id]
    assert reading.ended(runtime, []) == []
