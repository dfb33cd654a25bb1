"""A real watcher asks what was billed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.costs import rollup
from tests.support.billed import Billed, billed
from tests.support.until import until
from tests.support.watching import watching


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Billed]:
    with billed(database_url, tmp_path) as made:
        yield made


def test_the_watcher_books_what_was_billed(here: Billed) -> None:
    [job_id] = here.ended("[sandbox:billing_discount=10] a kite")
    here.sandbox.advance(120)
    rollup.sweep(here.runtime)
    with watching(here.runtime):
        until(lambda: here.job(job_id).cost_nano == 2_700_000, "the bill")
