"""Credentials for S3: none, wherever boto3 would look for some."""

import pytest


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 find no credentials: not in the environment, in no file, and at no cloud's address."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
