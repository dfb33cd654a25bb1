"""What must not be written, and is not."""

import pytest

from tests.architecture import words
from tests.architecture.modules import ROOT, Module, files
from tests.architecture.test_shape import RATCHET

# These hold the patterns and the bad samples themselves.
SAMPLES = ("tests/architecture/words.py", "tests/architecture/test_words.py")


def test_no_test_sleeps(tests: list[Module]) -> None:
    looked_at = [module for module in tests if module.path not in SAMPLES]
    assert [wrong for module in looked_at for wrong in words.pauses(module)] == []


def test_no_notes_to_self(ours: list[Module], tests: list[Module]) -> None:
    looked_at = [module for module in ours + tests if module.path not in SAMPLES]
    assert [wrong for module in looked_at for wrong in words.notes(module)] == []


def test_no_float_comes_near_money(ours: list[Module]) -> None:
    near = [module for module in ours if module.path in words.MONEY]
    assert len(near) == len(words.MONEY)
    assert [wrong for module in near for wrong in words.floats(module)] == []


def test_every_exception_is_taken_only_at_a_boundary(ours: list[Module]) -> None:
    found = {module.path: words.broad_handlers(module) for module in ours}
    assert {path for path, wrong in found.items() if wrong} == set(RATCHET["broad_handlers"])
    assert all(len(wrong) <= 1 for wrong in found.values())


def test_no_file_names_a_place_that_only_one_machine_knows() -> None:
    wrong = []
    for path in files():
        if path not in SAMPLES and (ROOT / path).suffix not in (".png", ".ttf", ".mp4", ".gif", ".webp"):
            wrong += words.places(path, (ROOT / path).read_text(encoding="utf-8"))
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)",
        "async def f():\n    await asyncio.sleep(0)",
        "from time import sleep\nsleep(1)",
        'PROGRAM = "import time; time.sleep(9)"',
    ],
)
def test_a_pause_is_seen(text: str) -> None:
    [wrong] = words.pauses(Module.of("tests/a.py", text))
    assert "sleeps" in wrong


def test_a_clocks_own_method_is_no_pause() -> None:
    text = 'clock.sleep(1)\nself.clock.sleep(2)\nprint("sleep well")'
    assert words.pauses(Module.of("tests/a.py", text)) == []


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "HACK"])
def test_a_note_to_self_is_seen(word: str) -> None:
    assert words.notes(Module.of("api/a.py", f"x = 1  # {word}: later")) != []
    assert words.notes(Module.of("api/a.py", f"x = '{word}'")) == []


@pytest.mark.parametrize("text", ["x = float('1')", "x = 0.1", "def f(x: float) -> None: ..."])
def test_a_float_is_seen(text: str) -> None:
    assert words.floats(Module.of("domain/money.py", text)) != []


def test_whole_numbers_and_text_are_no_floats() -> None:
    assert words.floats(Module.of("domain/money.py", "x = 1\ny = '0.1'")) == []


@pytest.mark.parametrize(
    "handler",
    ["except:", "except Exception:", "except BaseException as e:", "except (ValueError, Exception):"],
)
def test_a_handler_that_swallows_everything_is_seen(handler: str) -> None:
    assert words.broad_handlers(Module.of("api/a.py", f"try: f()\n{handler} pass")) != []
    assert words.broad_handlers(Module.of("api/a.py", f"try: f()\n{handler}\n    g()\n    raise")) == []


def test_a_handler_of_something_is_fine() -> None:
    text = "try: f()\nexcept (ValueError, OSError): pass"
    assert words.broad_handlers(Module.of("api/a.py", text)) == []


@pytest.mark.parametrize(
    "text",
    ["see /" + "home/anna/darkroom", "index = https://" + "pypi" + ".org/simple", "x\nfile:///" + "root/a"],
)
def test_a_place_of_one_machine_is_seen(text: str) -> None:
    assert words.places("README.md", text) != []


@pytest.mark.parametrize("text", ["/v1/work/1", "our-work/main", "the work/ folder", "pip install uv"])
def test_other_words_are_no_place(text: str) -> None:
    assert words.places("README.md", text) == []
