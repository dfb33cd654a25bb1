"""One upload to S3: a single PUT for a small file, parts for a large one, a SHA-256 on each."""

import base64
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from storage.objects.base import WrongBytes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload that was taken: the checksums under which a store may name it, and whether it named one."""

    checksums: frozenset[str]
    confirmed: bool


class Upload:
    """Sends one file and holds one part of it in memory at a time.

    Every part is sent with its SHA-256, which the store checks on arrival. Nothing becomes visible under the
    key unless the whole file has the SHA-256 that was asked for.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, content_type: str, sha256: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._sha256 = sha256

    def send(self, file: BinaryIO, part_bytes: int) -> Sent:
        """Upload ``file``; raises WrongBytes."""
        first = file.read(part_bytes)
        if len(first) < part_bytes:
            return self._send_whole(first)
        return self._send_parts(first, file, part_bytes)

    def _send_whole(self, body: bytes) -> Sent:
        digest = hashlib.sha256(body)
        self._compare(digest.hexdigest())
        checksum = _text(digest.digest())
        answer = self._client.put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=body,
            ContentType=self._content_type,
            ChecksumSHA256=checksum,
            Metadata={"sha256": self._sha256},
        )
        return Sent(frozenset({checksum}), confirmed=answer.get("ChecksumSHA256") == checksum)

    def _send_parts(self, first: bytes, file: BinaryIO, part_bytes: int) -> Sent:
        upload_id = self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            ContentType=self._content_type,
            ChecksumAlgorithm="SHA256",
            Metadata={"sha256": self._sha256},
        )["UploadId"]
        try:
            return self._fill(upload_id, first, file, part_bytes)
        except BaseException:
            self._abort(upload_id)
            raise

    def _abort(self, upload_id: str) -> None:
        """Drop the parts, which cost money and are seen by nobody; the first error is the one to report."""
        with suppress(BotoCoreError, ClientError):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=upload_id)

    def _fill(self, upload_id: str, body: bytes, file: BinaryIO, part_bytes: int) -> Sent:
        whole, of_parts = hashlib.sha256(), hashlib.sha256()
        parts: list[CompletedPartTypeDef] = []
        while body:
            digest = hashlib.sha256(body).digest()
            whole.update(body)
            of_parts.update(digest)
            parts.append(self._send_part(upload_id, len(parts) + 1, body, digest))
            body = file.read(part_bytes)
        self._compare(whole.hexdigest())
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=self._key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )
        composite = _text(of_parts.digest())
        named = frozenset({_text(whole.digest()), composite, f"{composite}-{len(parts)}"})
        return Sent(named, confirmed=False)

    def _send_part(self, upload_id: str, number: int, body: bytes, digest: bytes) -> "CompletedPartTypeDef":
        checksum = _text(digest)
        answer = self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=upload_id,
            PartNumber=number,
            Body=body,
            ChecksumSHA256=checksum,
        )
        return {"ETag": answer["ETag"], "PartNumber": number, "ChecksumSHA256": checksum}

    def _compare(self, found: str) -> None:
        if found != self._sha256:
            raise WrongBytes(f"{self._key}: the file's SHA-256 is {found}, not {self._sha256}")


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
