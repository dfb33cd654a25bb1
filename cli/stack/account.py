"""Under whose account the embedded PostgreSQL runs: it refuses to be root."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from cli.stack.failures import StackError

_PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group by number, and what must stand before a command so that it runs as that user."""

    user: int
    group: int
    prefix: tuple[str, ...] = ()

    def give(self, path: Path) -> None:
        """Make ``path`` this account's own."""
        os.chown(path, self.user, self.group)


def account_for(cluster: Path, *, root: bool | None = None) -> Account:
    """Our own account, or for root the one that owns ``cluster``; a new cluster gets a system account.

    Raises:
        StackError: root, and no way to run a command as somebody else.
    """
    is_root = os.geteuid() == 0 if root is None else root
    if not is_root:
        return Account(os.geteuid(), os.getegid())
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "the embedded PostgreSQL does not run as root: start darkroom as an ordinary user, install "
            "setpriv (util-linux), or set DARKROOM_DATABASE_URL"
        )
    entry = _owner(cluster)
    return Account(entry.pw_uid, entry.pw_gid, _dropping(setpriv, entry))


def _owner(cluster: Path) -> pwd.struct_passwd:
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _PREFERRED if name in known)


def _dropping(setpriv: str, entry: pwd.struct_passwd) -> tuple[str, ...]:
    # The data folder and the virtual environment often lie under a folder that only root may enter (/root).
    # The one capability to pass such folders is kept rather than opening them to everybody; the secure bit
    # has access(2) honour it too, by which initdb looks for the programs beside it.
    return (
        setpriv,
        "--securebits=+no_setuid_fixup",
        f"--reuid={entry.pw_uid}",
        f"--regid={entry.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--",
    )
