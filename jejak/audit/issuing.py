"""The issuer of our own put together: its key, its clients, its port on loopback. For development alone."""

from dataclasses import replace

from consumers.issuer import clients
from consumers.issuer.app import application
from jejak.audit import web_server
from jejak.audit.admission import development_issuer
from jejak.settings import Settings


def serve(settings: Settings) -> None:
    """Issue tokens on loopback until stopped, bound to the client's certificate where TLS asks for one.

    Raises IssuerRefused outside development, ServingRefused, ClientsRefused, OSError.
    """
    place = replace(web_server.place_of(settings), host=web_server.LOOPBACK)
    issuer = development_issuer(settings)
    file = settings.issuer_clients
    known = clients.load(file) if file.is_file() else {}
    app = application(issuer, known, certificate=web_server.client_certificate)
    web_server.run(app, settings.issuer_port, place)
