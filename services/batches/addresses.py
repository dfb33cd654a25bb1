"""Checking the callback addresses of a sheet's rows: each host is looked up once, thousands are not."""

import socket
from collections.abc import Sequence
from typing import Final

from outbound.addresses import PrivateHosts
from outbound.guard import BlockedAddress, check_url, resolve

# A sheet could name 100,000 hosts, and each could take seconds to look up. What is not looked up here is
# checked all the same when a callback is sent.
_MOST_LOOKED_UP: Final = 100
_MOST_REMEMBERED: Final = 10_000


class CallbackCheck:
    """Says what is wrong with callback addresses, and remembers what it said."""

    def __init__(self, private_hosts: PrivateHosts) -> None:
        self._private_hosts = private_hosts
        self._said: dict[str, str | None] = {}
        self._hosts: dict[str, Sequence[str] | None] = {}

    def complaint(self, url: str) -> str | None:
        """Why nothing may be sent to ``url``; None where it may."""
        if url not in self._said:
            if len(self._said) >= _MOST_REMEMBERED:
                self._said.clear()
            self._said[url] = self._checked(url)
        return self._said[url]

    def _checked(self, url: str) -> str | None:
        try:
            check_url(url, self._private_hosts, resolver=self._resolve)
        except BlockedAddress as error:
            return str(error)
        return None

    def _resolve(self, host: str, port: int, seconds: float) -> Sequence[str]:
        if host not in self._hosts and len(self._hosts) >= _MOST_LOOKED_UP:
            # An address is read without asking anybody; a name is not found, so it passes.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return [str(address[0]) for *_, address in found]
        if host not in self._hosts:
            self._hosts[host] = _looked_up(host, port, seconds)
        addresses = self._hosts[host]
        if addresses is None:
            raise OSError(f"{host} is not known")
        return addresses


def _looked_up(host: str, port: int, seconds: float) -> Sequence[str] | None:
    try:
        return resolve(host, port, seconds)
    except OSError:
        return None
