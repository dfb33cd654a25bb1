"""``python -m sandbox``: runs the sandbox as a server process."""

import argparse
import ipaddress
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from sandbox.app import create_app
from sandbox.config import Config

_SETTINGS: Final = ("seed", "image_seconds", "video_seconds", "cold_seconds", "jitter", "public_url")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; exits with a message where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Both providers, emulated.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8010, help="port to listen on; 0 picks a free one")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be more than loopback")
    parser.add_argument(
        "--folder", type=Path, help="keep what was taken in here, and go on with what is there"
    )
    parser.add_argument("--seed", type=int, help="make ids and jitter repeatable")
    parser.add_argument("--image-seconds", type=float, help="how long an image takes")
    parser.add_argument("--video-seconds", type=float, help="how long a video takes")
    parser.add_argument("--cold-seconds", type=float, help="cold start of each fal app's first request")
    parser.add_argument("--jitter", type=float, help="share by which generation times vary, such as 0.2")
    parser.add_argument("--public-url", help="base of the links handed out")
    parser.add_argument("--manual-clock", action="store_true", help="time only moves by POST /control/clock")
    parser.add_argument("--log-level", default="warning", help="uvicorn's log level")
    given = parser.parse_args(arguments)
    if not (given.allow_remote or is_loopback(given.host)):
        parser.error(f"{given.host} can be reached from elsewhere: add --allow-remote if that is meant")
    return given


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settings(given: argparse.Namespace) -> Config:
    """Settings from the command line, the environment and the defaults, in this order."""
    chosen = {name: getattr(given, name) for name in _SETTINGS if getattr(given, name) is not None}
    if given.manual_clock:
        chosen["manual_clock"] = True
    config = Config(**chosen)
    if given.folder is None or config.public_url or not (given.port and is_loopback(given.host)):
        return config
    # Links to what was taken on another port, before a restart, lead to this one.
    host = f"[{given.host}]" if ":" in given.host else given.host
    return config.model_copy(update={"public_url": f"http://{host}:{given.port}"})


def main(arguments: Sequence[str]) -> None:
    """Serve until interrupted."""
    given = parse(arguments)
    try:
        app = create_app(settings(given), folder=given.folder)
    except sqlite3.Error as error:
        remedy = "stop the sandbox that uses it, or move it away"
        sys.exit(f"the folder {given.folder} cannot be used ({error}): {remedy}")
    uvicorn.run(app, host=given.host, port=given.port, log_level=given.log_level)


if __name__ == "__main__":
    main(sys.argv[1:])
