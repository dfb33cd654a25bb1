"""Units of work: whole or not at all, insisted on while the database is away, discreet in their errors."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, select

from domain.failures import ErrorCode, Failure
from domain.lifecycle import JobStatus
from providers.base import Accepted, NotAccepted, Submission
from storage import jobs
from storage.database import Database, DatabaseUnavailable
from storage.health import beat, last_beat
from storage.migrate import main, migrate
from storage.outage import DATABASE_AWAY
from storage.records import JobRecord
from storage.urls import with_driver
from tests.support.engine import Engine, taken
from tests.support.outage import come_back, database_away, go_away
from tests.support.postgres import Postgres
from tests.support.rows import NOON, a_job


def test_a_unit_of_work_that_raises_leaves_nothing_behind(engine: Engine) -> None:
    job = a_job(project_id=engine.project_id)

    def stumble(session: Session) -> None:
        session.add(job)
        session.flush()
        raise KeyError

    with pytest.raises(KeyError):
        engine.runtime.database.insist(stumble)
    with engine.runtime.database.work() as session:
        assert jobs.job(session, job.id) is None


def test_an_error_does_not_tell_what_a_statement_was_given(engine: Engine) -> None:
    orphan = a_job(project_id=uuid4(), input={"prompt": "a very secret prompt"})
    with pytest.raises(SQLAlchemyError) as refused, engine.runtime.database.work() as session:
        session.add(orphan)
    assert "very secret" not in str(refused.value)


def test_a_fact_is_written_down_when_the_database_comes_back(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    tries = []

    def step(session: Session) -> list[JobRecord]:
        tries.append(1)
        return list(session.exec(select(JobRecord)).all())

    engine.runtime.database.ping()
    go_away(server, database_url)
    threading.Timer(0.8, come_back, (server, database_url)).start()
    assert engine.runtime.database.insist(step) == []
    assert len(tries) >= 1


def test_a_database_that_stays_away_is_given_up_at_last(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    with database_away(server, database_url):
        with pytest.raises(DatabaseUnavailable, match="away for 0 s") as gone:
            engine.runtime.database.insist(lambda session: session.exec(select(JobRecord)), seconds=0.3)
        assert isinstance(gone.value, DATABASE_AWAY)
        with pytest.raises(OperationalError):
            engine.runtime.database.ping()
    engine.runtime.database.ping()


def test_an_acceptance_survives_a_database_that_is_away_just_then(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    def accepted_while_it_goes_away(_: Submission) -> Accepted:
        go_away(server, database_url)
        threading.Timer(1.0, come_back, (server, database_url)).start()
        return taken(request_id="r-paid-for")

    engine.linkmodel.submits.says(accepted_while_it_goes_away)
    job_id = engine.accept()
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.RUNNING
    assert engine.attempt(job_id).provider_request_id == "r-paid-for"
    assert len(engine.linkmodel.submits.asked) == 1


def test_a_refusal_survives_a_database_that_is_away_just_then(
    engine: Engine, server: Postgres, database_url: str
) -> None:
    def refused_while_it_goes_away(_: Submission) -> Accepted:
        go_away(server, database_url)
        threading.Timer(0.5, come_back, (server, database_url)).start()
        raise NotAccepted(Failure(ErrorCode.INVALID_INPUT, "no"))

    engine.linkmodel.submits.says(refused_while_it_goes_away)
    job_id = engine.accept()
    engine.submit(job_id)
    assert engine.job(job_id).status == JobStatus.FAILED


def test_a_plain_address_of_the_same_database_is_known(engine: Engine, server: Postgres) -> None:
    conninfo = engine.runtime.database.conninfo
    assert conninfo.startswith("postgresql://")
    assert Database("postgresql+psycopg://u:pw@h/d").conninfo == "postgresql://u:pw@h/d"
    assert server.cluster.sockets.name in conninfo


def test_a_sign_of_life_is_the_latest_one(engine: Engine) -> None:
    database = engine.runtime.database
    assert last_beat(database, "watcher") is None
    beat(database, "watcher", NOON)
    beat(database, "watcher", engine.clock())
    assert last_beat(database, "watcher") == engine.clock()


def test_migrating_a_migrated_database_changes_nothing(engine: Engine, database_url: str) -> None:
    job_id = engine.accept()
    migrate(database_url)
    assert engine.job(job_id).status == JobStatus.QUEUED


def test_many_migrate_a_new_database_at_once(server: Postgres) -> None:
    url = server.database()
    threads = [threading.Thread(target=migrate, args=(url,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = Database(url)
    with database.work() as session:
        assert session.exec(select(JobRecord)).all() == []
    database.close()
    server.drop(url)


def test_the_command_migrates_the_configured_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url.replace("+psycopg", ""))
    assert main() == 0


def test_the_command_says_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DARKROOM_DATABASE_URL", raising=False)
    assert main() == 2
    assert "DARKROOM_DATABASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["mysql://h/d", "postgres", "", "sqlite:///x"])
def test_what_is_no_postgresql_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be a PostgreSQL address"):
        with_driver(url)
