"""The route that serves files of the local object store to whoever has a signed link."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import FileResponse

from api.answers import Problem
from api.parts import TheRuntime
from storage.objects.base import NoSuchObject
from storage.objects.links import LinkExpired, LinkInvalid
from storage.objects.local import LocalStore

router: Final = APIRouter(include_in_schema=False)


@router.api_route("/files/{key:path}", methods=["GET", "HEAD"])
def serve_file(request: Request, runtime: TheRuntime, key: str) -> FileResponse:
    """A stored file, whole or in ranges; the link is the permission."""
    if not isinstance(runtime.objects, LocalStore):
        raise Problem(404, "not_found", "files lie in the bucket, not here: ask for a job's asset")
    try:
        link = runtime.objects.verify(key, dict(request.query_params), runtime.clock())
        path = runtime.objects.path(link.key)
    except LinkExpired as error:
        raise Problem(403, "link_expired", str(error)) from error
    except LinkInvalid as error:
        raise Problem(403, "link_invalid", str(error)) from error
    except NoSuchObject as error:
        raise Problem(404, "not_found", "the file is not there any more") from error
    headers = {
        "Cache-Control": "private, max-age=900",
        # A stored file is only ever shown, whatever its bytes pretend to be.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": link.content_disposition,
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(path, media_type=link.content_type, headers=headers)
