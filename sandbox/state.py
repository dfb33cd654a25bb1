"""One sandbox: both accounts, the callback receiver and the logs over one clock; gone at reset."""

from itertools import chain
from typing import Any

from starlette.routing import BaseRoute

from sandbox.callbacks import Callbacks
from sandbox.core import Core
from sandbox.fal.routes import Fal
from sandbox.invoice import invoice
from sandbox.linkmodel.routes import LinkModel
from sandbox.request_log import RequestLog


class Sandbox:
    """Everything that a reset throws away."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.fal = Fal(core)
        self.linkmodel = LinkModel(core)
        self.callbacks = Callbacks(core)
        self.log = RequestLog()

    def routes(self) -> list[BaseRoute]:
        """The providers' routes and the callback receiver's."""
        return [*self.fal.routes(), *self.linkmodel.routes(), *self.callbacks.routes()]

    def invoice(self) -> dict[str, Any]:
        """What both providers have charged until now."""
        fal = (self.fal.book.line(record) for record in self.fal.book)
        linkmodel = (self.linkmodel.book.line(task) for task in self.linkmodel.book)
        return invoice(chain(fal, linkmodel))
