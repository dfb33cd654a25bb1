"""When a process that died is started again, and when that is given up."""

from dataclasses import dataclass, replace

QUICK_SECONDS = 10.0
MOST_QUICK_DEATHS = 5
_LONGEST_DELAY_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often in a row a process died soon after its start."""

    quick_deaths: int = 0
    first_delay_seconds: float = 0.5

    def after(self, lived_seconds: float) -> "Restarts":
        """The count after one more death; one that comes after a while of service starts it afresh."""
        return replace(self, quick_deaths=self.quick_deaths + 1 if lived_seconds < QUICK_SECONDS else 0)

    @property
    def exhausted(self) -> bool:
        """Whether starting it once more is pointless."""
        return self.quick_deaths >= MOST_QUICK_DEATHS

    @property
    def delay_seconds(self) -> float:
        """How long to wait before the next start: doubling, bounded."""
        doublings = max(self.quick_deaths - 1, 0)
        return min(self.first_delay_seconds * 2.0**doublings, _LONGEST_DELAY_SECONDS)
