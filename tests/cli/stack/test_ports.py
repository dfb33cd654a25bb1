"""Ports that are free, and ports that are not."""

import socket

import pytest

from cli.stack.failures import PortTaken
from cli.stack.ports import free_port, listening, require_free


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    require_free(port, "DARKROOM_PORT")
    assert not listening(port)


def test_a_taken_port_is_refused_naming_the_port_and_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listening(port)
        with pytest.raises(PortTaken, match=f"port {port} .*DARKROOM_FLOWER_PORT"):
            require_free(port, "DARKROOM_FLOWER_PORT")
