"""The demo as a newcomer has it: the real stack, real processes, nothing set."""

import shutil
from pathlib import Path

import pytest

from cli.stack.ports import free_port, listening
from tests.cli.conftest import Darkroom


@pytest.mark.timeout(300)
def test_it_keeps_every_promise_and_leaves_nothing_running(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = free_port()
    monkeypatch.setenv("DARKROOM_PORT", str(port))
    monkeypatch.setenv("DARKROOM_FLOWER_PORT", str(free_port()))
    ended = darkroom("demo", "--json")
    assert ended.code == 0, ended.out + ended.err
    told = ended.json
    assert all(finding["kept"] for finding in told["findings"])
    assert told["sum_nano_usd"] == told["invoice_nano_usd"] > 0
    names = ["harbour.png", "red-kite.jpg", "teapot.png", "tram.mp4", "waves.mp4"]
    assert sorted(path.name for path in (tmp_path / "var" / "demo").iterdir()) == names
    assert sorted(Path(path).name for path in told["files"]) == names
    assert not listening(port)
    shutil.rmtree(tmp_path / "var")
