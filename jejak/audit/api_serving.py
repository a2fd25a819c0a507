"""The HTTP API put together: who verifies tokens, which door, which trail, which port, whether over TLS."""

from functools import partial

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.read_model.rows import day_of
from identity import references
from identity.secret_file import load_or_create_secret
from jejak import composition
from jejak.audit import admission, web_server
from jejak.audit.trail import trails_of
from jejak.settings import Settings


def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT; raises ServingRefused where the settings of TLS are wrong, before anything."""
    place = web_server.place_of(settings)
    with composition.connected(settings) as registry, registry.door() as door:
        service = Service(
            admission.of_connections(settings, bound=place.asks_clients),
            partial(references.person_ref, settings.reference_key()),
            trails_of(registry, door),
            Cursors(load_or_create_secret(settings.key_folder() / "cursor.key")),
            lambda: day_of(composition.now()),
            web_server.client_certificate,
        )
        web_server.run(application(service), settings.api_port, place)
