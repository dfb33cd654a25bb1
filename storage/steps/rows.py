"""Many values as one parameter of a statement: a JSON array, which it reads as rows."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def rows(values: "Sequence[DataclassInstance]") -> str:
    """The fields of each value by name, for ``jsonb_to_recordset``; all are of one class.

    Raises:
        ValueError: a number that JSON has no form for.
        TypeError: a value that is none of JSON's and no id, moment or decimal.
    """
    names = [field.name for one in values[:1] for field in fields(one)]
    as_objects = [{name: getattr(one, name) for name in names} for one in values]
    return json.dumps(as_objects, default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    if isinstance(value, UUID | Decimal | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
