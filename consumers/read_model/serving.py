"""The read model as readers keep it open: each question is answered whole by the version that serves at that moment.

Knows versions as names; must not know who chooses them nor where that is written.
"""

from collections.abc import Callable
from typing import Any, cast

from cassandra.cluster import Session

from consumers.read_model.audit_queries import Accesses
from consumers.read_model.queries import ReadModel


class _Served:
    """Hands every question to the tables of the version that serves."""

    def __init__(
        self, session: Session, version: Callable[[], str], made: Callable[[Session, str], Any] = ReadModel
    ) -> None:
        self._session = session
        self._version = version
        self._made = made
        self._models: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        version = self._version()
        model = self._models.get(version)
        if model is None:
            # Replaced and never changed: another thread's question goes on undisturbed on the one it has.
            model = self._made(self._session, version)
            self._models = {version: model}
        return getattr(model, name)


def served(session: Session, version: Callable[[], str]) -> ReadModel:
    """Return a read model that asks `version` at every question, which must be cheap."""
    # It has every method of ReadModel and needs no change when there are more.
    return cast("ReadModel", _Served(session, version))


def served_accesses(session: Session, version: Callable[[], str]) -> Accesses:
    """Return who saw whom, likewise."""
    return cast("Accesses", _Served(session, version, Accesses))
