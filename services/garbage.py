"""How often a process looks for garbage: what it holds once it has started is not gone through again."""

import gc
from typing import Final

# Collected at so many new objects, and older ones at every twentieth time; Python's own is 700 and 10. A few
# requests make more than that, and hardly one of their objects is in a cycle.
_NEW: Final = 10_000
_TIMES: Final = 20


def settle() -> None:
    """Leave out what there is by now from every collection to come; called where a process has started.

    In a process that forks it is called before that, so that the others share its memory unwritten: half of
    what they took. To go through all of it again and again was an eighth of the CPU of accepting a job.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, _TIMES, _TIMES)
