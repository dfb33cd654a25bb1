"""The shape of the command line itself: help, usage errors, and the way into the stack."""

import pytest

from tests.cli.conftest import Darkroom


@pytest.mark.parametrize(
    "command",
    [
        "",
        "up",
        "demo",
        "doctor",
        "submit",
        "models",
        "models list",
        "models sync",
        "quote",
        "jobs",
        "jobs list",
        "jobs show",
        "keys create",
    ],
)
def test_every_command_explains_itself(command: str, darkroom: Darkroom) -> None:
    ended = darkroom(*command.split(), "--help")
    assert ended.code == 0
    assert "Usage: darkroom" in ended.out


def test_the_exit_codes_are_told(darkroom: Darkroom) -> None:
    assert "Exit codes: 0 done; 1 the job or a check failed; 2 wrong usage" in darkroom("-h").out


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["jobs", "list", "--limit", "0"], ["jobs", "--nope"], ["quote"]]
)
def test_wrong_usage_is_code_2_on_stderr_alone(arguments: list[str], darkroom: Darkroom) -> None:
    ended = darkroom(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: darkroom" in ended.err


def test_up_says_what_keeps_it_from_starting(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    ended = darkroom("up")
    assert ended.code == 1
    assert "set DARKROOM_S3_BUCKET too" in ended.out
