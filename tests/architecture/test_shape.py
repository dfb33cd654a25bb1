"""Files and functions stay short, shallow and well named."""

import tomllib
from pathlib import Path

import pytest

from tests.architecture import shape
from tests.architecture.modules import Module

RATCHET = tomllib.loads((Path(__file__).parent / "ratchet.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ours(ours: list[Module]) -> list[Module]:
    # A migration is written once and then left as it is: its length says nothing.
    return [module for module in ours if not module.path.startswith("migrations/versions/")]


def test_files_stay_short(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in shape.long_files(module, RATCHET["lines"])] == []


def test_every_exception_names_a_file_that_is_there(ours: list[Module]) -> None:
    assert set(RATCHET["lines"]) <= {module.path for module in ours}


def test_files_are_named_after_what_lives_in_them(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in shape.empty_names(module)] == []


def test_functions_stay_short(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in shape.long_functions(module)] == []


def test_nothing_nests_deeper_than_three(ours: list[Module]) -> None:
    assert [wrong for module in ours for wrong in shape.deep_functions(module)] == []


def lines(count: int) -> Module:
    return Module.of("api/a.py", "x = 1\n" * count)


@pytest.mark.parametrize(
    ("count", "allowed", "expected"),
    [
        (350, {}, None),
        (351, {}, "has 351 lines, 350 are allowed"),
        (400, {"api/a.py": 400}, None),
        (401, {"api/a.py": 400}, "has 401 lines, 400 are allowed"),
        (350, {"api/a.py": 400}, "take it out of the ratchet file"),
    ],
)
def test_a_long_file_is_seen_and_its_exception_only_shrinks(
    count: int, allowed: dict[str, int], expected: str | None
) -> None:
    found = shape.long_files(lines(count), allowed)
    assert found == [] if expected is None else expected in found[0]


def test_a_name_that_says_nothing_is_seen() -> None:
    assert shape.empty_names(Module.of("api/utils.py", "")) != []
    assert shape.empty_names(Module.of("api/money_words.py", "")) == []


@pytest.mark.parametrize(("statements", "seen"), [(59, False), (60, True)])
def test_a_long_function_is_seen_and_its_docstring_not_counted(statements: int, *, seen: bool) -> None:
    docstring = '    """One.\n\n    Two.\n    """\n'
    text = f"class A:\n  async def f(self):\n{docstring}{'    x = 1' + chr(10)}{'    x = 1' + chr(10)}"
    body = "    x = 1\n" * statements
    module = Module.of("api/a.py", f"async def f():\n{docstring}{body}")
    assert bool(shape.long_functions(module)) == seen
    assert shape.long_functions(Module.of("api/a.py", text)) == []


DEEP = """
def f(a):
    with a:
        for b in a:
            if b:
                {innermost}
"""


@pytest.mark.parametrize(
    ("innermost", "seen"),
    [
        ("pass", False),
        ("while b: pass", True),
        ("try: pass\n                finally: pass", True),
        ("lambda: [c for c in b if c]", False),
        ("def g():\n                    if b:\n                        pass", False),
        ("def g():\n                    async with b:\n                        if b: pass", False),
    ],
)
def test_the_fourth_level_is_seen(innermost: str, *, seen: bool) -> None:
    module = Module.of("api/a.py", DEEP.format(innermost=innermost))
    assert bool(shape.deep_functions(module)) == seen


def test_a_row_of_elifs_is_one_level() -> None:
    text = "def f(a):\n    if a == 1: pass\n" + "".join(f"    elif a == {n}: pass\n" for n in range(2, 9))
    assert shape.deep_functions(Module.of("api/a.py", text)) == []


def test_the_depth_of_a_match_and_of_an_else_counts() -> None:
    text = """
def f(a):
    match a:
        case 1:
            if a: pass
            else:
                x = 1
                if a:
                    for b in a: pass
"""
    [wrong] = shape.deep_functions(Module.of("api/a.py", text))
    assert "f nests 4 deep" in wrong
