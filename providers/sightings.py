"""Looking for requests in a provider's own list: what is wanted, and what the list says of what it lacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attempt that may have been taken: sent at ``sent_at`` or soon after, marked with ``marker``.

    ``arguments`` is the body that it carried, by which a request is known that may be it although the list
    does not show its marker.
    """

    marker: str
    sent_at: datetime
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The list does not show it, as far as it was read.

    ``whole`` when every entry from its time on was read; ``doubts`` are the ids of entries that may be it all
    the same: they do not show what they were given, or were given the same and bear no marker. ``shown`` are
    the ids of all entries, by which it can be told whether the list shows what is known to have been made.
    """

    whole: bool
    doubts: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
