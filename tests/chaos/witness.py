"""Reads what is true from those who know it: the database, the providers, the bucket, the journal."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import psycopg
from botocore.exceptions import ClientError
from psycopg.rows import dict_row

from tests.chaos.orders import Order, tag_of
from tests.chaos.snapshot import Asset, Attempt, Entry, Job, Sent, Snapshot, Submit
from tests.chaos.stage import BUCKET, Stage
from tests.emulators.receiver import Receiver
from tests.support.postgres import plain

# The provider's own word, or the proof that nothing was billed; anything else is an estimate.
_EXACT: Final = frozenset({"provider_price", "billable_units", "not_billed"})
# How long an answer may wait for its commit: as long as its lease is kept.
_IN_DOUBT_SECONDS: Final = 20.0
_OPEN: Final = ("queued", "submitting", "running", "storing")


class Rows:
    """The database as an auditor reads it."""

    def __init__(self, url: str) -> None:
        self._url = plain(url)

    def read(self, query: str, *values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - SQL
        """All rows of a query."""
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def statuses(self) -> dict[str, int]:
        """How many jobs are where."""
        found = self.read("SELECT status, count(*) AS n FROM jobs GROUP BY status")
        return {row["status"]: row["n"] for row in found}

    def steps(self) -> int:
        """How many steps all timelines have together."""
        [row] = self.read("SELECT count(*) AS n FROM job_events")
        return int(row["n"])

    def still_open(self) -> int:
        """How many jobs are on their way."""
        return sum(count for status, count in self.statuses().items() if status in _OPEN)

    def untold(self) -> int:
        """How many callbacks are still to be made."""
        [row] = self.read("SELECT count(*) AS n FROM deliveries WHERE status = 'pending'")
        return int(row["n"])

    def sought(self) -> int:
        """How many unknown outcomes are still looked for."""
        query = (
            "SELECT count(*) AS n FROM agenda JOIN attempts USING (job_id) WHERE attempts.status = 'unknown'"
        )
        [row] = self.read(query)
        return int(row["n"])

    def evidence(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Everything that the rows say about some jobs."""
        queries = {
            "job": "SELECT to_jsonb(jobs) AS one FROM jobs WHERE id = %s::uuid",
            "attempts": "SELECT to_jsonb(a) AS one FROM attempts a WHERE job_id = %s::uuid ORDER BY number",
            "ledger": "SELECT to_jsonb(l) AS one FROM ledger_entries l WHERE job_id = %s::uuid ORDER BY id",
            "events": "SELECT to_jsonb(e) AS one FROM job_events e WHERE job_id = %s::uuid ORDER BY id",
            "agenda": "SELECT to_jsonb(a) AS one FROM agenda a WHERE job_id = %s::uuid",
        }
        return [
            {part: [row["one"] for row in self.read(query, job_id)] for part, query in queries.items()}
            for job_id in job_ids
        ]


def snapshot(
    stage: Stage,
    orders: Sequence[Order],
    acknowledged: Mapping[str, str],
    receiver: Receiver,
    *,
    broken: Mapping[str, int],
    wanted: Sequence[str],
) -> Snapshot:
    """Everything at rest, as all who know it tell it."""
    rows = Rows(stage.environment["DARKROOM_DATABASE_URL"])
    with httpx.Client(base_url=stage.sandbox_url, trust_env=False, timeout=60) as sandbox:
        submits, posts = _submits(sandbox), _posts(sandbox)
    return Snapshot(
        asked=[order.tag for order in orders],
        acknowledged=acknowledged,
        jobs=_jobs(rows),
        attempts=_attempts(rows),
        ledger=_ledger(rows),
        assets=_assets(rows, stage),
        agenda=[row["id"] for row in rows.read("SELECT job_id::text AS id FROM agenda")],
        submits=submits,
        posts=posts,
        sent=_sent(stage),
        told=_told(receiver),
        unsigned=list(receiver.unsigned),
        books=_books(stage),
        broken=broken,
        wanted=wanted,
    )


def _books(stage: Stage) -> dict[str, tuple[int, int]]:
    headers = {"Authorization": f"Bearer {stage.api_key}"}
    answer = httpx.get(f"{stage.url}/v1/costs/audit", headers=headers, timeout=60, trust_env=False)
    checks = answer.raise_for_status().json()["checks"]
    return {check["name"]: (check["checked"], check["wrong"]) for check in checks}


def _jobs(rows: Rows) -> list[Job]:
    query = (
        "SELECT id::text, tags->>'chaos' AS tag, status, error->>'code' AS error, callback_url,"
        " reserved_nano, cost_nano FROM jobs ORDER BY id"
    )
    return [Job(**row) for row in rows.read(query)]


def _attempts(rows: Rows) -> list[Attempt]:
    query = (
        "SELECT id::text, job_id::text, number, provider, status, token, provider_request_id AS request_id,"
        " cost_nano, coalesce(cost_basis = ANY(%s), false) AS exact FROM attempts ORDER BY id"
    )
    return [Attempt(**row) for row in rows.read(query, list(_EXACT))]


def _ledger(rows: Rows) -> list[Entry]:
    query = "SELECT job_id::text, attempt_id::text, kind, nano FROM ledger_entries ORDER BY id"
    return [Entry(**row) for row in rows.read(query)]


def _assets(rows: Rows, stage: Stage) -> list[Asset]:
    assert stage.store is not None
    client = stage.store.session().client("s3", endpoint_url=stage.store.endpoint)
    query = "SELECT job_id::text, key, bytes, sha256 FROM assets ORDER BY job_id, n"
    found = [Asset(**row, stored=_stored(client, row["key"])) for row in rows.read(query)]
    client.close()
    return found


def _stored(client: Any, key: str) -> tuple[int, str] | None:  # noqa: ANN401 - boto3's client
    try:
        body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError:
        return None
    return len(body), hashlib.sha256(body).hexdigest()


def _submits(sandbox: httpx.Client) -> list[Submit]:
    lines = {line["request_id"]: line for line in sandbox.get("/control/invoice").json()["lines"]}
    return [
        Submit(
            request_id=one["request_id"],
            provider=one["provider"],
            tag=tag_of(one["arguments"]["prompt"]),
            nano=line["nano_usd"],
            charged=line["charged"],
            final=line["final"],
            made=line["made"],
        )
        for one in sandbox.get("/control/submits").json()
        for line in [lines[one["request_id"]]]
    ]


def _posts(sandbox: httpx.Client) -> int:
    calls = sandbox.get("/control/requests").json()["calls"]
    return sum(call["method"] == "POST" for call in calls)


def _sent(stage: Stage) -> list[Sent]:
    """One for each POST that was begun; what a process noted before it died stays noted."""
    journal = stage.strikes.journal()
    deaths = [line for line in journal if _is_of_the_worker(line)]
    answers = {line["token"]: line for line in journal if line.get("what", "begun") != "begun"}
    return [
        _one_sent(line, answers.get(line["token"]), deaths) for line in journal if line.get("what") == "begun"
    ]


def _is_of_the_worker(line: Mapping[str, Any]) -> bool:
    """Whether this is the death of who sends or fetches, or of one of the processes of these."""
    return (
        line.get("killed") in {"worker", "submits"}
        or str(line.get("struck", "post")).partition(".")[0] != "post"
    )


def _one_sent(
    begun: Mapping[str, Any], answer: Mapping[str, Any] | None, deaths: Sequence[Mapping[str, Any]]
) -> Sent:
    if answer is None:
        return Sent(begun["token"], None, died=True)
    soon = any(
        0 <= death["at"] - answer["at"] < _IN_DOUBT_SECONDS
        # A struck child takes nobody with it; all else ends every process of the worker.
        and (death.get("whole", True) or death["process"] == begun["process"])
        for death in deaths
    )
    return Sent(begun["token"], answer["what"], died=soon)


def _told(receiver: Receiver) -> dict[str, list[str]]:
    told: dict[str, list[str]] = defaultdict(list)
    for _, event in list(receiver.events):
        told[event["data"]["tags"]["chaos"]].append(event["type"])
    return told
