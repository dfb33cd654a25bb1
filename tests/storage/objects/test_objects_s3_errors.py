"""What boto3 raises becomes one of two kinds."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from storage.objects.base import StoreRefused, StoreUnavailable, WrongBytes
from storage.objects.s3_errors import translate


def client_error(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


@given(st.integers(min_value=300, max_value=599), st.text("abcdefgh0123456789", max_size=12))
def test_every_answer_without_a_known_code_is_either_for_later_or_for_someone_to_change(
    status: int, code: str
) -> None:
    found = translate(client_error(code, status), "assets")
    assert isinstance(found, StoreUnavailable) == (status >= 500 or status == 429)
    assert isinstance(found, StoreUnavailable | StoreRefused)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EndpointConnectionError(endpoint_url="http://s3"), StoreUnavailable),
        (ConnectTimeoutError(endpoint_url="http://s3"), StoreUnavailable),
        (ReadTimeoutError(endpoint_url="http://s3"), StoreUnavailable),
        (NoCredentialsError(), StoreRefused),
        (ParamValidationError(report="a bucket needs a name"), StoreRefused),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_boto3_raises_is_translated(error: BotoCoreError, expected: type[Exception]) -> None:
    assert type(translate(error, "assets")) is expected


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("SlowDown", 400, StoreUnavailable),
        ("ExpiredToken", 400, StoreUnavailable),
        ("BadDigest", 400, WrongBytes),
        ("AccessDenied", 403, StoreRefused),
    ],
)
def test_a_code_says_more_than_its_status(code: str, status: int, expected: type[Exception]) -> None:
    assert type(translate(client_error(code, status), "assets")) is expected
