"""What the demo shows at its end: every job with its price and its time, the bill, files and findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from cli.demo.files import Saved
from cli.demo.findings import Finding
from cli.demo.money import Bill
from cli.output import Output
from cli.rendering import cost, phases, status
from domain.money import format_usd


@dataclass(frozen=True, slots=True)
class Report:
    """All that came of one run of the demo."""

    jobs: Sequence[Mapping[str, Any]]
    bill: Bill
    saved: Saved
    stored_in: str
    findings: Sequence[Finding]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(finding.kept for finding in self.findings)

    def show(self, output: Output) -> None:
        """Print it, as tables or as JSON."""
        if output.as_json:
            output.json(self._document())
            return
        rows = (
            (job["tags"]["scene"], job["model"], job["provider"], _end(job), cost(job), phases(job))
            for job in self.jobs
        )
        output.line()
        output.table(("job", "model", "provider", "status", "cost", "where its time went"), rows)
        output.line()
        output.facts(self._facts())
        output.line()
        for finding in self.findings:
            output.line(f"{'ok  ' if finding.kept else 'FAIL'}  {finding.promise}", _STYLES[finding.kept])
            for deviation in finding.deviations:
                output.line(f"      {deviation}")

    def _facts(self) -> list[tuple[str, str]]:
        folder = self.saved.paths[0].parent if self.saved.paths else "nowhere"
        return [
            ("sum", f"${format_usd(self.bill.ours)}"),
            ("invoice", f"${format_usd(self.bill.theirs)}"),
            ("stored in", self.stored_in),
            ("copies in", f"{folder}: {', '.join(path.name for path in self.saved.paths)}"),
        ]

    def _document(self) -> dict[str, Any]:
        return {
            "kept": self.kept,
            "findings": [
                {"promise": one.promise, "kept": one.kept, "deviations": list(one.deviations)}
                for one in self.findings
            ],
            "sum_nano_usd": self.bill.ours,
            "invoice_nano_usd": self.bill.theirs,
            "stored_in": self.stored_in,
            "files": [str(path) for path in self.saved.paths],
            "jobs": list(self.jobs),
        }


_STYLES = {True: "green", False: "red"}


def _end(job: Mapping[str, Any]) -> Text:
    shown = status(job["status"])
    return shown.append(f" ({job['error']['code']})") if job["error"] else shown
