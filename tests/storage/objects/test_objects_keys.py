from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.objects.disposition import content_disposition
from storage.objects.keys import check_key, object_key

JOB = UUID("01993b4e-0000-7000-8000-000000000000")
NEW_YEAR = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))


def test_a_key_names_project_day_job_and_number() -> None:
    assert (
        object_key("acme", datetime(2026, 11, 2, tzinfo=UTC), JOB, 0, "png") == f"acme/2026/11/02/{JOB}/0.png"
    )


def test_the_day_of_a_key_is_counted_in_utc() -> None:
    assert object_key("acme", NEW_YEAR, str(JOB), 3, "mp4") == f"acme/2025/12/31/{JOB}/3.mp4"


@pytest.mark.parametrize("project", ["", "..", "a/b", "a b", ".acme", "x" * 600])
def test_a_project_that_does_not_fit_into_a_key_is_an_error(project: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        object_key(project, NEW_YEAR, JOB, 0, "png")


@given(st.text(max_size=30))
def test_a_key_that_passes_needs_no_escaping_and_stays_in_its_place(text: str) -> None:
    try:
        key = check_key(text)
    except ValueError:
        return
    assert quote(key) == key
    assert not {".", "..", ""} & set(key.split("/"))


@given(st.text(max_size=30))
def test_a_file_name_cannot_break_its_header(name: str) -> None:
    header = content_disposition("attachment", name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_a_file_name_keeps_its_letters_in_utf8() -> None:
    assert (
        content_disposition("inline", "ä/b.png")
        == "inline; filename=\"__b.png\"; filename*=UTF-8''%C3%A4_b.png"
    )
