"""Waiting for a process until it answers."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.waiting import wait_until
from tests.support.programs import python, waiting

Start = Callable[[Program], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Child] = []

    def one(program: Program) -> Child:
        started.append(Child(program, os.environ, Console(io.StringIO()), tmp_path))
        return started[-1]

    yield one
    for child in started:
        child.clear()


def test_it_is_over_when_the_process_answers(start: Start) -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers), start(waiting()), 20)


def test_a_process_that_ends_instead_is_told_with_its_code(start: Start) -> None:
    child = start(python("postgres", "exit(3)"))
    with pytest.raises(StackError, match=r"postgres ended at its start \(exit code 3\)"):
        wait_until(lambda: False, child, 20)


def test_the_patience_has_an_end(start: Start) -> None:
    with pytest.raises(StackError, match=r"waiting does not answer after 0\.1 s"):
        wait_until(lambda: False, start(waiting()), 0.1)
