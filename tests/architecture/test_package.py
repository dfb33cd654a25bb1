"""What an installed Darkroom carries: not only modules, but what they read."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
PACKAGES = ("api", "cli", "domain", "migrations", "outbound", "providers", "sandbox", "services", "storage")


def test_a_wheel_holds_every_file_of_every_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in TRACKED.splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        ".",
    ]
    subprocess.run([sys.executable, "-m", *build], cwd=source, check=True)
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name for name in TRACKED.splitlines() if name.startswith(tuple(f"{one}/" for one in PACKAGES))}
    prose = {name for name in wanted if name.endswith(".md")}
    assert wanted - prose - held == set()
