"""What goes where: results on stdout, everything else on stderr, and nothing that a terminal would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import Output, plain


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert all(letter.isprintable() or letter == "\n" for letter in shown)


def test_a_table_in_a_pipe_is_never_cut_or_folded(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("id", "prompt"), [("1", "long " * 100)])
    assert ("long " * 100).strip() in capsys.readouterr().out


def test_text_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.line("a [bold]kite[/bold] :smile:")
    output.note("[/] is no markup either")
    said = capsys.readouterr()
    assert said.out == "a [bold]kite[/bold] :smile:\n"
    assert said.err == "[/] is no markup either\n"


def test_progress_is_for_people_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for as_json in (False, True):
        with Output(as_json=as_json).telling("working") as tell:
            tell("still working")
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Output(as_json=True).telling("working") as tell:
        tell("still working")
    assert capsys.readouterr().err == ""
    with Output().telling("working") as tell:
        tell("still working")
    assert "still working" in capsys.readouterr().err


def test_json_keeps_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).json({"prompt": "日本 é"})
    Output(as_json=True).json_line({"prompt": "日本 é"})
    assert capsys.readouterr().out == '{\n  "prompt": "日本 é"\n}\n{"prompt": "日本 é"}\n'
