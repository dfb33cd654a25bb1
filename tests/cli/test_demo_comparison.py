"""The comparison run anew, as a newcomer has it: the real stack, real processes, real jobs on the sandbox."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Darkroom


@pytest.mark.timeout(300)
def test_the_comparison_comes_out_as_it_was_published(darkroom: Darkroom, tmp_path: Path) -> None:
    ended = darkroom("demo", "--comparison", "--json")
    assert ended.code == 0, ended.out + ended.err
    videos, images = ended.json
    fixed, loaded = videos["data"]
    assert (fixed["provider"], fixed["n"], fixed["median"]["usd"]) == ("linkmodel", 10, "0.061")
    assert (fixed["spread_percent"], fixed["projected"]["monthly"]["usd"]) == (0, "61")
    assert (fixed["projected"]["certainty"], loaded["projected"]["certainty"]) == ("exact", "interval")
    assert (loaded["provider"], loaded["n"], loaded["unknown"]) == ("fal", 10, 0)
    assert (loaded["minimum"]["usd"], loaded["maximum"]["usd"]) == ("0.08", "0.14")
    assert loaded["spread_percent"] == 75
    ends = [loaded["projected"][end]["nano_usd"] / 10**9 for end in ("low", "high")]
    assert ends == pytest.approx([100, 140], abs=3)
    cheap, dear = images["data"]
    assert [
        (one["provider"], one["median"]["usd"], one["projected"]["monthly"]["usd"]) for one in (cheap, dear)
    ] == [
        ("linkmodel", "0.05", "500"),
        ("fal", "0.94", "9400"),
    ]
    assert [said.partition(":")[2].strip()[:20] for said in videos["verdicts"] + images["verdicts"]] == [
        "cheaper at linkmodel",
        "cheaper at linkmodel",
    ]
    for name in ("compare-kling-v3.png", "compare-gpt-image-2.png"):
        with Image.open(tmp_path / name) as image:
            assert image.format == "PNG"
    assert not (tmp_path / "var").exists()
