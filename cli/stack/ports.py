"""Finding free loopback ports, and refusing ports that another program holds."""

import secrets
import socket
from itertools import count

from cli.stack.failures import PortTaken

LOOPBACK = "127.0.0.1"
# Below those that systems give to outgoing connections, one of which might be there when it is needed again.
_LASTING_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def lasting_port() -> int:
    """A free loopback port that is likely to be free later, too."""
    return next(port for _ in count() if can_listen(port := secrets.choice(_LASTING_PORTS)))


def can_listen(port: int) -> bool:
    """Whether a server could listen on a loopback port now."""
    return _hindrance(port) is None


def listening(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def require_free(port: int, setting: str) -> None:
    """Check that ``port`` can be listened on.

    Raises:
        PortTaken: another program holds it; the message names ``setting``, which moves it.
    """
    hindrance = _hindrance(port)
    if hindrance is not None:
        raise PortTaken(
            f"port {port} cannot be used ({hindrance.strerror}): stop what listens there, or set {setting} "
            "to a free port"
        ) from hindrance


def _hindrance(port: int) -> OSError | None:
    with socket.socket() as probe:
        # As servers do: a port that only lingers after its last connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error
    return None
