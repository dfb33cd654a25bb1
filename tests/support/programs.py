"""Small programs that stand in for Darkroom's own where a test is about the stack that runs them."""

import sys
from pathlib import Path

from cli.stack.child import Program

# Where a child process finds our packages and these tests.
ROOT = Path(__file__).resolve().parents[2]

_WAITING = "import signal; signal.pause()"
_DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
    "while True: signal.pause()"
)
_WEB = """
import http.server, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = int(sys.argv[2]), b'{"database": "down"}'
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass

print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def python(name: str, source: str, *arguments: str) -> Program:
    """A program that runs ``source``."""
    return Program(name, (sys.executable, "-c", source, *arguments))


def waiting(name: str = "waiting") -> Program:
    """Stays until it is told to stop."""
    return python(name, _WAITING)


def deaf(name: str = "deaf") -> Program:
    """Says ``deaf`` and stays, whatever it is told but KILL."""
    return python(name, _DEAF)


def web(port: int, status: int = 200) -> Program:
    """Answers every request on ``port`` with ``status``."""
    return python("web", _WEB, str(port), str(status))
