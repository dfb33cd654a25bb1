"""The program of docs/live.md, run as it stands on the page, follows a job to its end over a break."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from api.app import create_app
from services.access import Scope, create_key
from services.runtime import Runtime
from tests.support.front import served
from tests.support.streams import staged

PAGE = Path(__file__).parents[2] / "docs" / "live.md"


def test_it_misses_nothing_while_the_server_is_another(runtime: Runtime, tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = tmp_path / "follow.py"
    script.write_text(code)
    with staged(runtime) as here:
        key = create_key(runtime, project_id=here.project.id, name="test", scope=Scope.READ)["key"]
        command = (sys.executable, "-u", str(script), here.project.url + here.path, key)
        follower = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert follower.stdout is not None
        told = [follower.stdout.readline() for _ in range(2)]
    here.step("submitted")
    with served(create_app(runtime), urlsplit(here.project.url).port or 0):
        told.append(follower.stdout.readline())
        here.end()
        rest, _ = follower.communicate(timeout=60)
    assert [line.split()[1] for line in [*told, *rest.splitlines()]] == [
        "accepted",
        "queued",
        "submitted",
        "canceled",
        "end",
    ]
    assert follower.returncode == 0


def test_it_says_why_it_may_not(runtime: Runtime, tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = tmp_path / "follow.py"
    script.write_text(code)
    with staged(runtime) as here:
        command = (sys.executable, str(script), here.project.url + here.path, "dk_wrong")
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, "unauthorized" in said.stderr) == (1, True)
