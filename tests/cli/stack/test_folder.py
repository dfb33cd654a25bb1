"""The data folder and the secrets in it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.failures import StackError
from cli.stack.folder import DataFolder, kept_secret, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path / "new" / "var")
    assert folder.root == tmp_path / "new" / "var"
    assert mode(folder.root) == 0o700


def test_a_path_through_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"Not a directory.*set DARKROOM_DATA_DIR"):
        DataFolder.at(tmp_path / "file" / "var")


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(StackError, match="cannot be written"):
        DataFolder.at(tmp_path / "var")


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("ordinary_user")
def test_a_folder_of_somebody_else_is_refused() -> None:
    with pytest.raises(StackError, match=r"/usr cannot be written \(Permission denied\)"):
        DataFolder.at(Path("/usr"))


def test_a_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "key", "darkroom:")
    assert first.startswith("darkroom:")
    assert len(first) > 40
    assert kept_secret(tmp_path / "key", "darkroom:") == first
    assert mode(tmp_path / "key") == 0o600


def test_a_secret_of_your_own_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("mine\n")
    assert kept_secret(tmp_path / "key") == "mine"


def test_nothing_but_the_secret_stays_behind(tmp_path: Path) -> None:
    write_private(tmp_path / "key", "x")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", "y")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").read_text() == "x"
