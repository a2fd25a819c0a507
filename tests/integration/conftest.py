"""One broker and one database for the whole run of the tests, started by the project's own launcher."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from jejak import stack as local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jejak.stack import Endpoints


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Where Kafka and Cassandra answer: those of JEJAK_KAFKA and JEJAK_CASSANDRA if set, else a pair of our own."""
    data = tmp_path_factory.mktemp("stack")
    yield local.up(data, quick=True, tied_to=os.getpid())
    local.down(data)
