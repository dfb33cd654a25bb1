"""The object store on S3 or anything that speaks its protocol."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.objects.base import (
    Disposition,
    NoSuchObject,
    ObjectStat,
    StoreUnavailable,
    WrongBytes,
    check_expiry,
)
from storage.objects.disposition import content_disposition
from storage.objects.keys import check_key
from storage.objects.s3_errors import is_missing, translate
from storage.objects.s3_upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES: Final = 8 * 1024 * 1024
_DEFAULT_REGION: Final = "us-east-1"
_CHUNK_BYTES: Final = 1024 * 1024


class S3Store:
    """Objects in one bucket; implements ObjectStore.

    Credentials come from boto3's own chain, or from ``session``. With an ``endpoint_url`` the bucket is
    addressed by path. A store that is down is reported within seconds, not minutes.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        session: boto3.Session | None = None,
    ) -> None:
        session = session or boto3.Session()
        self._bucket = bucket
        self._region = region or session.region_name or _DEFAULT_REGION
        self._client: S3Client = session.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=self._region,
            config=_config(addressing="path" if endpoint_url else "auto"),
        )

    def put(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        """Upload ``path``, a large one in parts of 8 MiB, one at a time, see ObjectStore.

        Every part carries its SHA-256, which the store checks; the whole is hashed on the way and compared
        with ``sha256`` before it is completed. Where the store's answer does not name the SHA-256 that it
        found, size and checksum are read back. A small file is sent again sooner than asked about.
        """
        check_key(key)
        size = path.stat().st_size
        with self._translated():
            if size >= PART_BYTES and self._has(key, size, content_type, sha256):
                return
            with path.open("rb") as file:
                sent = Upload(self._client, self._bucket, key, content_type, sha256).send(file, PART_BYTES)
            if not sent.confirmed:
                self._verify(key, size, sent.checksums)

    def link(
        self, key: str, *, expires_seconds: int, filename: str, disposition: Disposition, content_type: str
    ) -> str:
        """A presigned GET, see ObjectStore."""
        params = {
            "Bucket": self._bucket,
            "Key": check_key(key),
            "ResponseContentDisposition": content_disposition(disposition, filename),
            "ResponseContentType": content_type,
        }
        with self._translated():
            return self._client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=check_expiry(expires_seconds)
            )

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The bytes as a stream, see ObjectStore; a break while reading is a StoreUnavailable as well."""
        with self._translated():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=check_key(key))
            except ClientError as error:
                if is_missing(error):
                    raise NoSuchObject(f"{key}: nothing is stored in {self._bucket}") from error
                raise
            with io.BufferedReader(_Readable(answer["Body"]), _CHUNK_BYTES) as stream:
                yield stream

    def stat(self, key: str) -> ObjectStat | None:
        """Size and type, see ObjectStore."""
        with self._translated():
            head = self._head(check_key(key))
        return None if head is None else ObjectStat(head["ContentLength"], head["ContentType"])

    def delete(self, key: str) -> None:
        """Remove the object, see ObjectStore."""
        with self._translated():
            self._client.delete_object(Bucket=self._bucket, Key=check_key(key))

    def check(self) -> None:
        """Ask for the bucket with the credentials that will be used; the error says what to do."""
        with self._translated():
            self._client.head_bucket(Bucket=self._bucket)

    def ensure_bucket(self) -> None:
        """Make the bucket if it is not there."""
        with self._translated():
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if not is_missing(error):
                    raise
                self._create_bucket()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _create_bucket(self) -> None:
        if self._region == _DEFAULT_REGION:
            self._client.create_bucket(Bucket=self._bucket)
        else:
            where: Any = {"LocationConstraint": self._region}
            self._client.create_bucket(Bucket=self._bucket, CreateBucketConfiguration=where)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"))
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def _has(self, key: str, size: int, content_type: str, sha256: str) -> bool:
        head = self._head(key)
        if head is None:
            return False
        known = (head["ContentLength"], head["ContentType"], head["Metadata"].get("sha256"))
        return known == (size, content_type, sha256)

    def _verify(self, key: str, size: int, checksums: frozenset[str]) -> None:
        head = self._head(key)
        if head is None or head["ContentLength"] != size:
            there = "nothing" if head is None else f"{head['ContentLength']} bytes"
            raise StoreUnavailable(f"{key}: {there} instead of {size} bytes after the upload")
        given = head.get("ChecksumSHA256")
        if given is not None and given not in checksums:
            raise WrongBytes(f"{key}: the store gives back another checksum than what was sent")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise translate(error, self._bucket) from error


def _config(addressing: Literal["path", "auto"]) -> Config:
    """Bounded in every direction; no checksum of botocore's own, which older stores refuse."""
    return Config(
        signature_version="s3v4",
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=10,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": addressing, "payload_signing_enabled": True},
    )


class _Readable(io.RawIOBase):
    """botocore's body as a raw stream, which can be buffered and read like a file."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - botocore's body has no common type
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - typeshed's WriteableBuffer is not importable
        chunk = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()
