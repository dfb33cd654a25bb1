"""How uploads of sheets are documented, which their route reads itself."""

from typing import Any, Final

from pydantic import Field

from api.schemas.batches import BatchSettings
from api.uploads import SHEET_TYPES

_EXAMPLE: Final = "row_id,prompt,model,duration\nkite-1,a red kite over dunes,kling-v3,5\n"
_OBJECTS: Final = frozenset({"routing", "tags", "input"})
_TRUTHS: Final = frozenset({"strict", "dry_run"})


class BatchForm(BatchSettings):
    """The file of `POST /v1/batches` with its settings, as a form."""

    file: str = Field(json_schema_extra={"format": "binary"}, description="CSV in UTF-8, 200 MB at most.")


def _parameter(name: str) -> dict[str, Any]:
    """A setting as a query parameter: objects are written as JSON."""
    about = BatchSettings.model_fields[name].description
    described = {"name": name, "in": "query", "required": False} | (
        {} if about is None else {"description": about}
    )
    if name in _OBJECTS:
        return described | {"content": {"application/json": {"schema": {"type": "object"}}}}
    return described | {"schema": {"type": "boolean" if name in _TRUTHS else "string"}}


SHEET_BODY: Final[dict[str, Any]] = {
    "parameters": [_parameter(name) for name in BatchSettings.model_fields],
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"type": "string"}, "example": _EXAMPLE} for kind in SHEET_TYPES},
            "multipart/form-data": {"schema": {"$ref": "#/components/schemas/BatchForm"}},
        },
    },
}
