"""Finding free loopback ports, and refusing ports that another program holds."""

import socket

from cli.stack.failures import PortTaken

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def require_free(port: int, setting: str) -> None:
    """Check that ``port`` can be listened on.

    Raises:
        PortTaken: another program holds it; the message names ``setting``, which moves it.
    """
    with socket.socket() as probe:
        # As servers do: a port that only lingers after its last connection is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} cannot be used ({error.strerror}): stop what listens there, or set {setting} "
                "to a free port"
            ) from error
