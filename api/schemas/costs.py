"""Costs and the audit: what may be asked, and what is answered."""

from typing import Final, Literal
from uuid import UUID

from pydantic import Field, field_validator

from api.queries import Tag, Text
from api.schemas.base import Money, Shown
from api.schemas.days import Days
from domain.costing import Grouping
from domain.lifecycle import Kind
from storage.costs.groups import Asked


class CostsQuery(Days):
    """Which costs are wanted, and in which groups."""

    group_by: Text | None = Field(
        default=None,
        description="Names with commas between them: `provider`, `endpoint`, `model`, `kind`, `status`, "
        "`basis`, `batch_id`, `day`, `month`, `sandbox`, `tag.NAME` for any tag. Left out, all is one group.",
    )
    provider: Literal["linkmodel", "fal"] | None = None
    model: Text | None = Field(default=None, description="As the job gave it.")
    kind: Kind | None = None
    batch_id: UUID | None = None
    tag: Tag | None = Field(default=None, description="`name:value`, exactly.")

    @field_validator("group_by")
    @classmethod
    def _grouping(cls, given: str | None) -> str | None:
        Grouping.parse(given or "")
        return given

    def wanted(self, project_id: UUID) -> Asked:
        """The question as the services know it."""
        first, last = self.days
        name, _, value = (self.tag or "").partition(":")
        return Asked(
            project_id,
            Grouping.parse(self.group_by or ""),
            first,
            last,
            provider=self.provider,
            model=self.model,
            kind=self.kind,
            batch_id=self.batch_id,
            tag=(name, value) if name else None,
        )


PARAMETERS: Final = tuple(field.alias or name for name, field in CostsQuery.model_fields.items())


class CostSums(Shown):
    """What the jobs of a group come to."""

    n: int = Field(description="Jobs. A batch's row counts from when it was let out.")
    succeeded: int
    failed: int
    canceled: int
    review: int
    open: int = Field(description="Jobs on their way.")
    unknown: int = Field(description="Jobs with a cost that nobody knows: no amount here includes it.")
    not_final: int = Field(description="Jobs of which the provider may still say otherwise.")
    over_max_cost: int = Field(description="Jobs that cost more than their `max_cost_usd`.")
    spent: Money | None = Field(description="What is known of it; null where nothing is.")
    held: Money = Field(description="What jobs may yet cost.")
    invoiced: Money | None = Field(description="What the provider has billed; null where it has not yet.")
    spin_up: Money = Field(description="The part of `spent` that went into starting runners.")


class CostGroup(CostSums):
    """One group."""

    group: dict[str, str | bool | None] = Field(
        description="What its jobs have in common, by the names of `group_by`; null where they have none."
    )


class Costs(Shown):
    """Costs in groups, by days in UTC."""

    object: Literal["costs"]
    group_by: list[str]
    from_: str | None = Field(alias="from")
    to: str | None
    time_zone: Literal["UTC"]
    data: list[CostGroup]
    total: CostSums


class AuditFinding(Shown):
    """One thing that does not add up."""

    id: str
    is_: Money = Field(alias="is")
    should_be: Money


class AuditCheck(Shown):
    """One rule, and how far the books keep it."""

    name: str
    rule: str
    checked: int
    wrong: int
    first: list[AuditFinding] = Field(description="Up to 5 of what is wrong.")


class Audit(Shown):
    """Whether the ledger adds up, as of one moment."""

    object: Literal["audit"]
    adds_up: bool
    at: str
    checks: list[AuditCheck]
