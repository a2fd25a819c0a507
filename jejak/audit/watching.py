"""The watch put together: what is usual, and which records nobody has a reason to look at."""

import time
from pathlib import Path

from identity.audit_reference import epoch_keys, load_or_create_epoch_key
from jejak import composition
from jejak.settings import Settings
from stream_processors.agents import watch
from stream_processors.watch.thresholds import SHIPPED


def run(settings: Settings) -> None:
    """Watch until stopped; honey records that are added meanwhile are watched over within a second or two."""
    endpoints = composition.find(settings)
    composition.serve_metrics(settings)
    thresholds = settings.thresholds if settings.thresholds != Path() else SHIPPED
    watch.main(watch.WatchSettings(endpoints.kafka, thresholds=thresholds.read_text()), Honey(settings))


class Honey:
    """The honey records as every epoch of the audit trail names them, read again when file or year are others.

    A file that is not there names nobody, until an export makes it; one that vanishes takes nothing back.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: tuple[int, ...] = ()
        self._known: frozenset[bytes] = frozenset()

    def __call__(self) -> frozenset[bytes]:
        """Return their references."""
        file, year = self._settings.honey, time.gmtime().tm_year
        if file == Path() or not file.exists():
            return self._known
        stat = file.stat()
        found = (stat.st_mtime_ns, stat.st_size, stat.st_ino, year)
        if found != self._read:
            self._known = self._references(file.read_text().split(), year)
            self._read = found
        return self._known

    def _references(self, persons: list[str], year: int) -> frozenset[bytes]:
        load_or_create_epoch_key(self._settings.key_folder(), year)
        keys = epoch_keys(self._settings.key_folder())
        return frozenset(key.subject_ref(person) for key in keys for person in persons)
