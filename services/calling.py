"""Whom to call back next: hosts that answer at once, and the others in turns that hold up nobody else."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.callbacks import AT_ONCE, SHARE, WINDOW, HostState
from storage import calling
from storage.calling import DueDelivery, Waiting
from storage.claims import Lease
from storage.database import Session

# How many due deliveries one turn reads at most, and how many it lets out to hosts that are new or away.
_LOOK: Final = 2000
_PROBES: Final = 64
# A try that was let out is over by then, or its worker is lost.
_TRYING: Final = timedelta(seconds=20)


def claim(session: Session, lease: Lease, *, most: int) -> list[UUID]:
    """Take deliveries whose turn it is: up to ``most`` to hosts that answer, and some to each other kind.

    What is due to any other host than one that answers and has room is held until its host's turn, so that
    it is not read again every time.
    """
    if most <= 0 or not calling.anything(session, lease.now) or not calling.deciding(session):
        return []
    backlog = _waiting(session, lease, most=most // 2)
    direct = _due(session, lease, most=most - len(backlog))
    probes = _probes(session, lease)
    return [*backlog, *direct, *probes]


def _due(session: Session, lease: Lease, *, most: int) -> list[UUID]:
    """Take what is due to hosts that answer; what goes to others, or is too much for one, is held."""
    due = calling.due(session, lease.now, most=_LOOK)
    if not due:
        return []
    hosts = sorted({one.host for one in due})
    answering = calling.open_hosts(session, hosts, lease.now)
    out = Counter(calling.out(session, sorted(answering), lease.now)) if answering else Counter[str]()
    taken, held = list[UUID](), list[DueDelivery]()
    for one in due:
        if one.host not in answering or out[one.host] >= WINDOW:
            held.append(one)
            # What comes later goes behind it.
            answering.discard(one.host)
        elif len(taken) < most:
            out[one.host] += 1
            taken.append(one.id)
    if taken:
        calling.claim(session, taken, lease)
    if held:
        calling.hold(session, held, lease.now)
    return taken


def _waiting(session: Session, lease: Lease, *, most: int) -> list[UUID]:
    """Take what waits for hosts that answer."""
    hosts = [one.host for one in calling.in_turn(session, HostState.GOOD, lease.now, most=max(most, 1))]
    if not hosts:
        return []
    out = calling.out(session, hosts, lease.now)
    room, left = dict[str, int](), most
    for host in hosts:
        room[host] = max(min(WINDOW - out.get(host, 0), left), 0)
        left -= room[host]
    taken = calling.let_out(session, room, lease, freshest=False)
    calling.note(session, dict.fromkeys(hosts, 0), lease.now)
    return [delivery_id for delivery_id, _ in taken]


def _probes(session: Session, lease: Lease) -> list[UUID]:
    """Take a few for each host that is new, then one for each that is away, within the shares of their kinds.

    Every other time a host that is away is tried with what was tried least: what waits there may go to
    another address of the same host, which answers.
    """
    trying = calling.trying(session, lease.now)
    taken = list[UUID]()
    for state in (HostState.NEW, HostState.SLOW):
        left = min(SHARE[state] - trying.get(state, 0), _PROBES)
        hosts = calling.in_turn(session, state, lease.now, most=left) if left > 0 else []
        for freshest in (False, True):
            chosen = [one for one in hosts if _takes_freshest(one) == freshest]
            taken += _try(session, chosen, AT_ONCE[state], lease, freshest=freshest)
    return taken


def _takes_freshest(one: Waiting) -> bool:
    return one.failures % 2 == 1


def _try(session: Session, hosts: list[Waiting], each: int, lease: Lease, *, freshest: bool) -> list[UUID]:
    if not hosts:
        return []
    names = [one.host for one in hosts]
    taken = calling.let_out(session, dict.fromkeys(names, each), lease, freshest=freshest)
    many = Counter(host for _, host in taken)
    calling.note(session, {name: many[name] for name in names}, _until(lease.now))
    return [delivery_id for delivery_id, _ in taken]


def _until(now: datetime) -> datetime:
    return now + _TRYING
