"""The watch put together: what is usual, and which records nobody has a reason to look at."""

import time
from pathlib import Path

from identity.audit_reference import epoch_keys, load_or_create_epoch_key
from jejak import composition
from jejak.settings import Settings
from stream_processors.agents import watch
from stream_processors.watch.thresholds import SHIPPED


def run(settings: Settings) -> None:
    """Watch until stopped; a year's references of honey records are known from a start in that year on."""
    endpoints = composition.find(settings)
    composition.serve_metrics(settings)
    thresholds = settings.thresholds if settings.thresholds != Path() else SHIPPED
    watch.main(watch.WatchSettings(endpoints.kafka, thresholds=thresholds.read_text(), honey=honey(settings)))


def honey(settings: Settings) -> tuple[str, ...]:
    """Return the honey records as every epoch of the audit trail names them, in hexadecimal."""
    if settings.honey == Path():
        return ()
    load_or_create_epoch_key(settings.key_folder(), time.gmtime().tm_year)
    persons = settings.honey.read_text().split()
    keys = epoch_keys(settings.key_folder())
    return tuple(sorted(key.subject_ref(person).hex() for key in keys for person in persons))
