"""Under whose account the embedded PostgreSQL runs."""

import os
import subprocess
from pathlib import Path

import pytest

from cli.stack.account import account_for
from cli.stack.failures import StackError
from tests.support.required import require


def test_an_ordinary_user_runs_it_as_themselves(tmp_path: Path) -> None:
    account = account_for(tmp_path, root=False)
    assert (account.user, account.group, account.prefix) == (os.geteuid(), os.getegid(), ())


def test_root_hands_a_new_cluster_to_a_system_account(tmp_path: Path) -> None:
    account = account_for(tmp_path / "new", root=True)
    assert account.user != 0
    assert f"--reuid={account.user}" in account.prefix


def test_root_keeps_to_the_account_that_owns_the_cluster(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "root, to give a folder away")
    os.chown(tmp_path, 65534, 65534)
    assert account_for(tmp_path).user == 65534


def test_programs_in_a_folder_of_roots_own_can_still_be_looked_up(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "root, to drop its account")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    program = private / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    # As initdb looks for postgres beside itself: by access(2), which forgets capabilities unless told not to.
    asked = subprocess.run([*account_for(tmp_path / "new").prefix, "test", "-x", program], check=False)
    assert asked.returncode == 0


def test_root_without_a_way_to_be_somebody_else_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"ordinary user.*setpriv.*DARKROOM_DATABASE_URL"):
        account_for(tmp_path, root=True)
