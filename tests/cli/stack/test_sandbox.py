"""The embedded sandbox keeps its folder and its port."""

import socket
from pathlib import Path

from cli.stack.ports import can_listen
from cli.stack.sandbox import Sandbox


def test_its_port_stays_the_same_and_is_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    first = Sandbox.at(tmp_path / "sandbox")
    assert 20_000 <= first.port < 32_000
    assert Sandbox.at(tmp_path / "sandbox") == first
    assert not first.answers()
    assert first.program().command[-4:] == ("--port", str(first.port), "--folder", str(tmp_path / "sandbox"))


def test_where_its_port_is_taken_it_moves_for_good(tmp_path: Path) -> None:
    first = Sandbox.at(tmp_path / "sandbox")
    with socket.create_server(("127.0.0.1", first.port)):
        second = Sandbox.at(tmp_path / "sandbox")
        assert second.port != first.port
        assert first.answers()
    assert can_listen(first.port)
    assert Sandbox.at(tmp_path / "sandbox").port == second.port


def test_a_note_that_is_no_port_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("none")
    assert Sandbox.at(tmp_path).port == int((tmp_path / "port").read_text())
