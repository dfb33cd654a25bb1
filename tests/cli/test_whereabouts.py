"""What a stack leaves in its data folder for the commands that look for its parts."""

from pathlib import Path

import pytest

from cli.whereabouts import Whereabouts, whereabouts, with_whereabouts, write


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    for known in (Whereabouts("http://127.0.0.1:9"), Whereabouts()):
        write(tmp_path, known)
        assert whereabouts(tmp_path) == known
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "1"])
def test_a_file_that_says_nothing_is_no_error(text: str, tmp_path: Path) -> None:
    assert whereabouts(tmp_path) == Whereabouts()
    (tmp_path / "stack.json").write_text(text)
    assert whereabouts(tmp_path) == Whereabouts()


def test_it_is_written_after_the_other_steps_and_before_the_processes() -> None:
    started = with_whereabouts(8000, 5555)
    assert [step.name for step in started.steps] == ["migrate", "bootstrap", "whereabouts"]
    assert "web" in {process.name for process in started.processes}
