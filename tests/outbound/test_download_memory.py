"""A large video goes from a link into each store without being held in memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.outbound.samples import Samples
from tests.support.seaweed import start_seaweed

LARGE = os.environ.get("DARKROOM_LARGE") == "1"
TOTAL_BYTES = 2 * 1024**3 if LARGE else 256 * 1024**2
MOST_BYTES = 200 * 1024**2
PIECE = bytes(1024 * 1024)

PROGRAM = """
import json, sys
from pathlib import Path
import boto3
from domain.lifecycle import Kind
from outbound.addresses import PrivateHosts
from outbound.download import Downloader
from outbound.media import probe
from storage.objects.local import LocalStore
from storage.objects.s3 import S3Store

url, directory, kind, endpoint, key, secret = sys.argv[1:]
if kind == "s3":
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret)
    store = S3Store("assets", endpoint_url=endpoint, session=session)
    store.ensure_bucket()
else:
    store = LocalStore(Path(directory) / "store", b"secret", "http://files.test")
got = Downloader(PrivateHosts.parse("127.0.0.1")).fetch(url, Path(directory) / "asset")
media = probe(got.path, Kind.VIDEO)
store.put("a/b.mp4", got.path, content_type=media.content_type, sha256=got.sha256)
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"peak": peak, "stored": store.stat("a/b.mp4").bytes, "width": media.width}))
"""


@pytest.fixture(scope="module")
def large_video(samples: Samples) -> Iterator[str]:
    """A link to an mp4 with a huge box of padding, made while it is sent."""
    video = samples["mp4"].read_bytes()
    padding = TOTAL_BYTES - len(video)
    start = video + (1).to_bytes(4, "big") + b"free" + padding.to_bytes(8, "big")

    class Video(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(TOTAL_BYTES))
            self.end_headers()
            self.wfile.write(start)
            left = TOTAL_BYTES - len(start)
            while left:
                left -= self.wfile.write(PIECE[:left])

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Video) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/large.mp4"
        server.shutdown()
        thread.join()


def carry(*arguments: str) -> dict[str, int]:
    """Fetch, probe and store in a process of its own; answers its peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, text=True, timeout=600
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.timeout(900 if LARGE else 120)
class TestALargeVideoIsNeverHeldInMemory:
    def test_on_its_way_to_a_directory(self, large_video: str, tmp_path: Path) -> None:
        check(carry(large_video, str(tmp_path), "local", "", "", ""))

    def test_on_its_way_to_s3(self, large_video: str, tmp_path: Path) -> None:
        (tmp_path / "seaweed").mkdir()
        server = start_seaweed(tmp_path / "seaweed")
        try:
            found = carry(
                large_video, str(tmp_path), "s3", server.endpoint, server.access_key, server.secret_key
            )
        finally:
            server.stop()
        check(found)


def check(found: dict[str, int]) -> None:
    print(found)  # noqa: T201 - the figure is wanted in the report of a large run
    assert (found["stored"], found["width"]) == (TOTAL_BYTES, 64)
    assert found["peak"] < MOST_BYTES
