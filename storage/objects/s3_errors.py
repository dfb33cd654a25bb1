"""What boto3 raises, as the two kinds that decide: try again, or change something."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, the parent of its connection errors
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
)

from storage.objects.base import StoreError, StoreRefused, StoreUnavailable, WrongBytes

_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError)
_UNREACHABLE: Final = (
    ConnectionError,
    HTTPClientError,
    ResponseStreamingError,
    IncompleteReadError,
    CredentialRetrievalError,
    MetadataRetrievalError,
)
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})
_CHANGED_ON_THE_WAY: Final = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"})
_AGAIN: Final = frozenset(
    {
        "ExpiredToken",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

# What to do, by the code that a store answers. A HEAD has no body, so its code is the status.
_ADVICE: Final = {
    "403": "the credentials may not use it; check the keys and the bucket's policy",
    "AccessDenied": "the credentials may not use it; check the keys and the bucket's policy",
    "InvalidAccessKeyId": "the access key is not known there; check AWS_ACCESS_KEY_ID and the endpoint",
    "SignatureDoesNotMatch": "the secret key is wrong; check AWS_SECRET_ACCESS_KEY",
    "404": "there is no such bucket; create it or set DARKROOM_S3_BUCKET",
    "NoSuchBucket": "there is no such bucket; create it or set DARKROOM_S3_BUCKET",
    "301": "it lies in another region; set AWS_REGION to it",
    "PermanentRedirect": "it lies in another region; set AWS_REGION to it",
    "AuthorizationHeaderMalformed": "it lies in another region; set AWS_REGION to it",
    "RequestTimeTooSkewed": "the clock of this machine is off; set it",
}


def is_missing(error: ClientError) -> bool:
    """Whether the answer was that there is no such object or bucket."""
    return _code(error) in _MISSING


def translate(error: BotoCoreError | ClientError, bucket: str) -> StoreError:
    """The error of ours that ``error`` means, with what to do."""
    if isinstance(error, ClientError):
        return _answered(error, bucket)
    if isinstance(error, _UNREACHABLE):
        return StoreUnavailable(
            f"bucket {bucket}: {type(error).__name__}: the store cannot be reached; check that it runs, "
            "and DARKROOM_S3_ENDPOINT_URL"
        )
    advice = "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role"
    return StoreRefused(f"bucket {bucket}: {error}{advice if isinstance(error, _NO_CREDENTIALS) else ''}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _answered(error: ClientError, bucket: str) -> StoreError:
    code = _code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    sentence = f"bucket {bucket}: {error.operation_name} was answered with {code} (HTTP {status})"
    if code in _CHANGED_ON_THE_WAY:
        return WrongBytes(sentence)
    if code in _AGAIN or status == _TOO_MANY or status >= _SERVER_ERROR:
        return StoreUnavailable(sentence)
    return StoreRefused(f"{sentence}: {_ADVICE.get(code, 'the store will not do it')}")
