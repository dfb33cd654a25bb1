"""Batches: what an upload and a change may say, and batches as answered."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from api.queries import PageQuery
from api.schemas.base import Money, Shown
from api.schemas.budgets import BudgetIdentity
from domain.batches import BatchState
from domain.generation import GenerationInput, Priority, Routing, Tags, Url
from domain.lifecycle import Kind
from domain.money import MoneyError, parse_usd
from domain.sheets.defaults import RowDefaults
from domain.sheets.problems import ProblemCode

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_ROW_DEFAULTS: Final = frozenset(RowDefaults.model_fields) - {"callback_url"}


class InputDefaults(GenerationInput):
    """Input fields for the rows that do not give them; a prompt each row has itself."""

    prompt: str = Field(default="", exclude=True, json_schema_extra={"deprecated": True})

    @field_validator("prompt", mode="before")
    @classmethod
    def _each_its_own(cls, _: object) -> str:
        raise ValueError("must not be given here: each row has its own")


class _Budget(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    budget_usd: str | None = Field(
        default=None,
        max_length=40,
        description="What the batch may cost in dollars: before a row would go beyond it, the batch pauses.",
        examples=["25.00"],
    )

    @field_validator("budget_usd")
    @classmethod
    def _amount(cls, given: str | None) -> str | None:
        if given is None:
            return None
        try:
            nano = parse_usd(given)
        except MoneyError as error:
            raise ValueError(f"must be an amount in dollars: {error}") from error
        if not nano:
            raise ValueError("must be more than 0")
        return given

    @property
    def budget_nano(self) -> int | None:
        """The budget in nano-dollars."""
        return None if self.budget_usd is None else parse_usd(self.budget_usd)

    def changes(self) -> dict[str, Any]:
        """What is to be changed of a batch, by the names of its columns."""
        given = self.model_dump(exclude_unset=True, exclude={"budget_usd"})
        return given | ({"budget_nano": self.budget_nano} if "budget_usd" in self.model_fields_set else {})


class ResumeRequest(_Budget):
    """What `POST /v1/batches/{id}/resume` may be given."""


class BatchChange(_Budget):
    """What `PATCH /v1/batches/{id}` takes: what is left out stays as it is, null removes it."""

    name: Name | None = None


class BatchSettings(_Budget):
    """What goes with the file of `POST /v1/batches`: in the query, or as fields of the form."""

    name: Name | None = Field(default=None, description="For people.")
    callback_url: Url | None = Field(
        default=None, description="Where the batch's own events go; a row's go to its column callback_url."
    )
    strict: bool = Field(default=False, description="Run nothing where one row is wrong.")
    dry_run: bool = Field(default=False, description="Answer the verdict and the price, and keep nothing.")
    model: str | None = Field(
        default=None, min_length=1, max_length=200, description="For the rows that name none."
    )
    kind: Kind | None = Field(default=None, description="Where the model does not say.")
    priority: Priority = Priority.NORMAL
    routing: Routing = Field(default=Routing(), description="As of a job, for every row.")
    tags: Tags = Field(default_factory=dict, max_length=50, description="For every row.")
    input: InputDefaults = Field(
        default_factory=InputDefaults, description="Input fields for the rows that do not give them."
    )

    def row_defaults(self) -> RowDefaults:
        """What holds for every row that does not say otherwise."""
        return RowDefaults.model_validate(self.model_dump(include=set(_ROW_DEFAULTS), exclude_unset=True))


class BatchQuery(PageQuery):
    """Which batches are wanted."""

    state: BatchState | None = None


class QuotedRows(Shown):
    """What rows may cost, each at the offer that it goes to first."""

    low: Money | None = Field(description="At least; null where the price of no row is known.")
    high: Money | None = Field(description="At most; null as soon as the price of one row is not known.")
    unpriced_rows: int


class RowCounts(Shown):
    """How many rows are in each state."""

    waiting: int = Field(description="Not let out yet: nothing is held for them.")
    queued: int = Field(description="Let out, and not sent yet.")
    submitting: int
    running: int
    storing: int
    succeeded: int
    failed: int
    canceled: int
    review: int


class BatchLinks(Shown):
    """Where to go on from here."""

    self: str
    jobs: str
    results_csv: str
    results_jsonl: str
    errors_csv: str
    errors_jsonl: str
    assets_jsonl: str
    assets_zip: str


class WaitingFor(Shown):
    """What a batch waits for before it lets more rows out."""

    budget: BudgetIdentity
    renews_at: datetime | None = Field(description="Null for one in total: it has to be raised.")


class Batch(Shown):
    """Many jobs from one CSV file."""

    id: UUID
    object: Literal["batch"]
    name: str | None
    state: BatchState
    reason: str | None = Field(description="Why it is paused (`on request`, `budget`) or has failed.")
    waiting_for: WaitingFor | None = Field(
        description="The budget of the project or of a tag that its next row does not fit."
    )
    rows: int = Field(description="Rows of data in the file.")
    read_rows: int
    good_rows: int = Field(description="Those of which a job was made.")
    bad_rows: int
    counts: RowCounts
    quoted: QuotedRows = Field(description="Of the rows read so far.")
    budget: Money | None
    spent: Money
    held: Money = Field(description="What the rows that were let out may yet cost.")
    rate_per_minute: float | None = Field(
        description="Rows that came to an end, since the first was let out."
    )
    seconds_left: int | None = Field(description="Null where nobody can say.")
    callback_url: str | None
    tags: dict[str, str]
    strict: bool
    priority: Priority
    created_at: datetime
    read_at: datetime | None = Field(description="When the last row was read.")
    ended_at: datetime | None
    sandbox: bool = Field(description="True if a sandbox makes any of it.")
    links: BatchLinks


class Done(Shown):
    """What was done to a batch."""

    effect: Literal["paused", "resumed", "changed", "canceled", "requested", "retried"]
    message: str


class ChangedBatch(Batch):
    """A batch, and what was just done to it."""

    done: Done


class BatchPage(Shown):
    """Batches, the newest first."""

    object: Literal["list"]
    data: list[Batch]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class RowFault(Shown):
    """One thing that is wrong with one row."""

    line: int = Field(description="Where the row begins in the file, from 1 on.")
    row: int = Field(description="Which row of data it is, from 1 on.")
    row_id: str | None
    column: str | None = Field(description="As the header calls it; null where the row as a whole is wrong.")
    code: ProblemCode
    message: str
    expected: str


class QuotedOffer(QuotedRows):
    """What the rows of one model may cost that go to one offer first."""

    model: str
    provider: str
    endpoint: str
    rows: int


class QuotedSheet(QuotedRows):
    """What all good rows may cost."""

    by_offer: list[QuotedOffer]


class Trial(Shown):
    """What would become of a file: nothing was kept."""

    object: Literal["trial"]
    dry_run: Literal[True]
    rows: int
    good_rows: int
    bad_rows: int
    problems: list[RowFault] = Field(description="The first 1,000.")
    problems_left_off: int
    estimate: QuotedSheet
    budget: Money | None
    fits_budget: bool | None = Field(description="Null where no budget was given, or nobody can say.")
