"""What a test cannot do without: where it is missing the test is skipped, but on CI it fails."""

import os

import pytest


def require(condition: object, reason: str) -> None:
    """Go on only if ``condition`` holds; ``reason`` says what is missing. With CI set, missing is failing."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have everything: {reason}")
    pytest.skip(reason)
