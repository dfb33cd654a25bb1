"""Names of files in an archive: told apart by the row's number, and no way out of the folder."""

import re
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.asset_paths import asset_path


@pytest.mark.parametrize(
    ("row_id", "folder"),
    [
        (None, "0042"),
        ("", "0042"),
        ("sku-7", "0042-sku-7"),
        ("красный змей", "0042-красный_змей"),
        ("../../etc/passwd", "0042-etc_passwd"),
        ("..\\..\\evil", "0042-evil"),
        ("a/b:c*d?\x00", "0042-a_b_c_d"),
        ("...", "0042"),
        ("CON", "0042-CON"),
        ("name. ", "0042-name"),
        ("e\u0301", "0042-é"),
    ],
)
def test_a_row_id_is_kept_as_far_as_every_system_takes_it(row_id: str | None, folder: str) -> None:
    assert asset_path(42, 1_000, row_id, 1, "mp4") == f"{folder}/1.mp4"


def test_rows_sort_by_their_names_as_they_do_in_the_file() -> None:
    paths = [asset_path(number, 120, None, 0, "png") for number in (2, 10, 120)]
    assert paths == sorted(paths) == ["002/0.png", "010/0.png", "120/0.png"]


_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@given(st.text(), st.integers(1, 100_000))
def test_no_row_id_leads_anywhere_else(row_id: str, number: int) -> None:
    path = asset_path(number, 100_000, row_id, 0, "png")
    folder, name = path.split("/")
    assert name == "0.png"
    assert folder.startswith(f"{number:06d}")
    assert len(folder.encode()) <= 255
    assert not folder.endswith((".", " "))
    assert "\x00" not in path
    assert _DEVICES.fullmatch(folder) is None
    assert PurePosixPath(path).parts == PureWindowsPath(path).parts == (folder, name)


@given(st.text(), st.text())
def test_no_two_rows_share_a_folder_whatever_their_ids(one: str, other: str) -> None:
    first, second = asset_path(1, 20, one, 0, "png"), asset_path(11, 20, other, 0, "png")
    assert first.split("/")[0].casefold() != second.split("/")[0].casefold()
