"""The database rows of Darkroom, a file per family; importing this package registers every table."""

from storage.records.access import ApiKeyRecord, IdempotencyRecord, ProjectRecord
from storage.records.agenda import AgendaRecord, HeartbeatRecord
from storage.records.attempts import AttemptRecord
from storage.records.batches import (
    BatchProblemRecord,
    BatchRecord,
    BatchTallyRecord,
    BatchWaitRecord,
)
from storage.records.budgets import BudgetRecord, BudgetTallyRecord
from storage.records.callbacks import (
    CallbackHostRecord,
    DeliveryRecord,
    DeliveryTryRecord,
    EndpointRecord,
    EventRecord,
)
from storage.records.costs import (
    CostDayRecord,
    CostMarkRecord,
    CostShareRecord,
    CostTagDayRecord,
)
from storage.records.erasures import ErasureRecord, RetentionRecord
from storage.records.invoices import BillingMarkRecord, InvoiceRecord
from storage.records.jobs import AssetRecord, JobEventRecord, JobRecord
from storage.records.lanes import LaneRecord
from storage.records.ledger import LedgerEntryRecord
from storage.records.prices import (
    EvidenceMarkRecord,
    PriceEvidenceRecord,
    UnitPriceHistoryRecord,
    UnitPriceRecord,
)

__all__ = [
    "AgendaRecord",
    "ApiKeyRecord",
    "AssetRecord",
    "AttemptRecord",
    "BatchProblemRecord",
    "BatchRecord",
    "BatchTallyRecord",
    "BatchWaitRecord",
    "BillingMarkRecord",
    "BudgetRecord",
    "BudgetTallyRecord",
    "CallbackHostRecord",
    "CostDayRecord",
    "CostMarkRecord",
    "CostShareRecord",
    "CostTagDayRecord",
    "DeliveryRecord",
    "DeliveryTryRecord",
    "EndpointRecord",
    "ErasureRecord",
    "EventRecord",
    "EvidenceMarkRecord",
    "HeartbeatRecord",
    "IdempotencyRecord",
    "InvoiceRecord",
    "JobEventRecord",
    "JobRecord",
    "LaneRecord",
    "LedgerEntryRecord",
    "PriceEvidenceRecord",
    "ProjectRecord",
    "RetentionRecord",
    "UnitPriceHistoryRecord",
    "UnitPriceRecord",
]
