"""Links that ran out before their files were fetched: asked for anew, while nothing is generated again."""

import io

import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from domain.costs import Basis, Cost
from domain.lifecycle import JobStatus
from providers.base import Finished, Generating, LookFailed, Observation, Output
from tests.support.engine import Engine

PAID = Cost(20_000_000, Basis.PROVIDER_PRICE, final=True)


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def test_a_link_that_ran_out_is_had_anew(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_data("expired", status=403)
    httpserver.expect_request("/new").respond_with_data(picture())
    job_id = engine.running()
    engine.sees(job_id, Finished((Output(httpserver.url_for("/old")),), PAID))
    engine.linkmodel.looks.says(Finished((Output(httpserver.url_for("/new")),), PAID))
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.STORING
    engine.clock.advance(60)
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.SUCCEEDED
    assert len(engine.linkmodel.submits.asked) == 1
    assert engine.held_and_spent() == (0, 20_000_000)


@pytest.mark.parametrize(
    "said",
    [
        LookFailed("it does not answer"),
        Generating(),
        Finished((), PAID),
    ],
)
def test_without_a_new_link_the_old_one_stands(
    said: Observation | LookFailed, engine: Engine, httpserver: HTTPServer
) -> None:
    url = httpserver.url_for("/old")
    httpserver.expect_request("/old").respond_with_data("gone", status=404)
    job_id = engine.running()
    engine.sees(job_id, Finished((Output(url),), PAID))
    engine.linkmodel.looks.says(said)
    engine.collect(job_id)
    assert engine.job(job_id).status == JobStatus.STORING
    assert [output["url"] for output in engine.attempt(job_id).outputs or []] == [url]


def test_a_file_that_is_wrong_is_not_asked_for_anew(engine: Engine, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/page").respond_with_data("<html>busy</html>", content_type="text/html")
    job_id = engine.running()
    engine.sees(job_id, Finished((Output(httpserver.url_for("/page")),), PAID))
    asked = len(engine.linkmodel.looks.asked)
    engine.collect(job_id)
    assert len(engine.linkmodel.looks.asked) == asked
