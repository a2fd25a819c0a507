"""The issuer of our own put together: its key, its clients, its port on loopback. Development alone."""

from consumers.issuer import clients
from consumers.issuer.app import application
from jejak.audit.admission import development_issuer
from jejak.audit.witness import run
from jejak.settings import Settings


def serve(settings: Settings) -> None:
    """Issue tokens on loopback until stopped; raises IssuerRefused outside development, ClientsRefused, OSError."""
    issuer = development_issuer(settings)
    file = settings.issuer_clients
    run(application(issuer, clients.load(file) if file.is_file() else {}), settings.issuer_port)
