"""What the storm says of the start after it."""

from tests.chaos.audit import Finding
from tests.chaos.storm import STATES, Killed, findings

_ALL = dict.fromkeys(STATES, 3)


def _failed(killed: Killed) -> list[Finding]:
    return [finding for finding in findings(killed) if not finding.passed]


def test_all_that_moves_in_time_passes() -> None:
    assert _failed(Killed(_ALL, {"a": 1.0, "b": 29.0})) == []
    assert "half after 15.0 s, all after 29.0 s" in findings(Killed(_ALL, {"a": 1.0, "b": 29.0}))[1].numbers


def test_what_moves_late_or_never_is_named() -> None:
    [finding] = _failed(Killed(_ALL, {"a": 31.0, "b": None}))
    assert [fault.split()[0] for fault in finding.faults] == ["a", "b"]


def test_a_state_that_nothing_was_in_is_named() -> None:
    [finding] = _failed(Killed({**_ALL, "storing": 0}, {"a": 1.0}))
    assert finding.faults == ["nothing was storing"]
