"""One small HTTP server for a worker's metrics and health, so that probes and scrapes need one port.

`/metrics` is Prometheus' text; `/health/live` and `/health/ready` answer 200 or 503 with one JSON document. On
loopback unless told otherwise. Must not know what a worker does.
"""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import prometheus_client

from transport.metrics import PulseGauges
from transport.pulse import Pulse

LIVE: Final = "/health/live"
READY: Final = "/health/ready"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def application(pulse: Pulse | None) -> Application:
    """Return the WSGI application of a worker; without a pulse, there is no health to ask for (404)."""
    scrape: Any = prometheus_client.make_wsgi_app()

    def answer(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"], pulse:
            case "/metrics", _:
                answered: Iterable[bytes] = scrape(environ, start)
                return answered
            case (str() as path, Pulse() as asked) if path in {LIVE, READY}:
                told = asked.as_json()
                return _json(start, told, good=bool(told["live" if path == LIVE else "ready"]))
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/metrics, /health/live, /health/ready\n"]

    return answer


def _json(start: StartResponse, told: dict[str, Any], *, good: bool) -> Iterable[bytes]:
    kind = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start("200 OK" if good else "503 Service Unavailable", kind)
    return [json.dumps(told).encode() + b"\n"]


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own, none of which keeps the process."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """Logs no request: a probe each few seconds is no news."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Keep it to itself."""


def serve(address: str, port: int, pulse: Pulse | None) -> int:
    """Answer on a port (0: a free one) from a thread of its own for the process' life; return the port.

    The pulse's gauges are among the process' metrics from now on.
    """
    if pulse is not None:
        prometheus_client.REGISTRY.register(PulseGauges(pulse))
    server = make_server(address, port, application(pulse), server_class=_Server, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return int(server.server_port)
