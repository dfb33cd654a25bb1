"""How a batch is named on the command line, and where it is asked for."""

from typing import Annotated

import typer

from cli.assignments import uuid_of

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The id of a batch.")]


def batch_path(batch: str) -> str:
    """The path of a batch in the API; raises Misused for what is no id."""
    return f"/v1/batches/{uuid_of(batch, 'batch', 'batch')}"
