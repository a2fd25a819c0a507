"""The HTTP API put together: who verifies tokens, which door, which trail, which port on loopback."""

from functools import partial

from consumers.api.app import application
from consumers.api.cursors import Cursors
from consumers.api.service import Service
from consumers.read_model.rows import day_of
from identity import references
from identity.secret_file import load_or_create_secret
from jejak import composition
from jejak.audit import admission
from jejak.audit.trail import trails_of
from jejak.audit.witness import run
from jejak.settings import Settings


def serve(settings: Settings) -> None:
    """Answer on loopback until SIGTERM or SIGINT."""
    with composition.connected(settings) as registry, registry.door() as door:
        service = Service(
            admission.authenticator(settings).authenticate,
            partial(references.person_ref, settings.reference_key()),
            trails_of(registry, door),
            Cursors(load_or_create_secret(settings.key_folder() / "cursor.key")),
            lambda: day_of(composition.now()),
        )
        run(application(service), settings.api_port)
