"""Logs on disk."""

from pathlib import Path

from cli.stack.logfile import LogFile


def test_lines_are_appended_over_restarts(tmp_path: Path) -> None:
    for line in ("first run", "second run"):
        log = LogFile(tmp_path / "logs" / "web.log")
        log.write(line)
        log.close()
    assert (tmp_path / "logs" / "web.log").read_text() == "first run\nsecond run\n"


def test_a_log_that_has_grown_makes_room_and_keeps_its_last_part(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", most_bytes=8)
    for line in ("123456789", "abcdefghi", "last"):
        log.write(line)
    log.close()
    assert (tmp_path / "web.log").read_text() == "last\n"
    assert (tmp_path / "web.log.1").read_text() == "abcdefghi\n"
