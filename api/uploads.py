"""Uploads of sheets: the body goes to the disk as it comes, and the settings that came along are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from api.answers import Problem
from api.forms import Form, check_charset
from api.spool import Spool, refuse_too_large
from api.strict_json import NotJsonError, UnkeepableError, parse
from domain.sheets.limits import MAX_FILE_BYTES, MEGABYTE
from services.batches.sheet_files import SheetFile

FILE: Final = "file"
SHEET_TYPES: Final = ("text/csv", "application/csv", "text/tab-separated-values", "text/plain")
_FORM: Final = "multipart/form-data"
# What a form may have besides the file.
_FORM_BYTES: Final = 4 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file on the disk, and the settings that came with it, still as text."""

    file: SheetFile
    settings: Mapping[str, str]


async def receive(request: Request, path: Path) -> Uploaded:
    """Read the body to ``path``, and the settings from the query and from the fields of a form.

    Raises:
        Problem: 415 another kind of body, 413 too large, 400 a form that is broken, 422 a setting twice.
        ClientDisconnect: the client went away before all of it was there.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    name = kind.decode("latin-1")
    settings = _once(request.query_params.multi_items())
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_media_type", "the body is packed: send it without Content-Encoding")
    with Spool(path) as spool:
        if name == _FORM:
            fields = await _receive_form(request, options.get(b"boundary", b""), spool)
            settings = _once([*settings.items(), *fields.items()])
        elif name in SHEET_TYPES:
            await _receive_sheet(request, spool)
        else:
            raise Problem(
                415,
                "unsupported_media_type",
                f"send the file as Content-Type: text/csv, or as the field {FILE} of a form ({_FORM}), "
                f"not as {name or 'something without a type'}",
            )
        return Uploaded(spool.finished(), settings)


def document_of(settings: Mapping[str, str], objects: frozenset[str]) -> dict[str, Any]:
    """The settings as a document: those among ``objects`` are JSON; raises Problem (422)."""
    return {name: _object(name, text) if name in objects else text for name, text in settings.items()}


async def _receive_sheet(request: Request, spool: Spool) -> None:
    check_charset(request.headers.get("content-type", "").encode("latin-1"))
    refuse_too_large(_declared(request))
    async for chunk in request.stream():
        spool.write(chunk)


async def _receive_form(request: Request, boundary: bytes, spool: Spool) -> Mapping[str, str]:
    form = Form(boundary, spool, file=FILE)
    most = MAX_FILE_BYTES + _FORM_BYTES
    if _declared(request) > most:
        refuse_too_large(_declared(request))
    came = 0
    async for chunk in request.stream():
        came += len(chunk)
        if came > most:
            refuse_too_large(came)
        form.write(chunk)
    form.finish()
    return form.fields


def _declared(request: Request) -> int:
    """How many bytes are to come, by the client's own word; 0 where it does not say."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


def _once(items: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in items:
        if name in found:
            raise _wrong(name, "is given twice: give it once")
        found[name] = value
    return found


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        return parse(text.encode())
    except NotJsonError as error:
        raise _wrong(name, str(error).removeprefix("the body ")) from error
    except UnkeepableError as error:
        field, sentence = error.problems[0]
        raise _wrong(f"{name}.{field}" if field else name, sentence) from error


def _wrong(field: str, message: str) -> Problem:
    return Problem(422, "invalid_input", f"{field} {message}", errors=[{"field": field, "message": message}])
