"""One broker and one database for the whole run of the tests, and one run of the whole system on them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from jejak import stack as local
from tests.integration import containers, system_rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints
    from tests.integration.system_rig import SystemRun


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """No sequencer covers what the tests put on record, and all of them together take longer than the grace.

    And a database or a broker that shares a busy machine with them is slow, where elsewhere it would hang.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JEJAK_GRACE_MINUTES", "1440")
        patched.setenv("JEJAK_READ_SECONDS", "10")
        patched.setenv("JEJAK_AUDIT_SECONDS", "20")
        yield


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers keep data and logs when the project's own launcher starts them."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(stack_folder: Path) -> Iterator[Endpoints]:
    """Where Kafka and Cassandra answer: those of JEJAK_KAFKA and JEJAK_CASSANDRA, containers, or a pair of our own."""
    images = containers.chosen().images
    if images is not None:
        with containers.started(images) as endpoints:
            yield endpoints
        return
    yield local.up(stack_folder, quick=True, tied_to=os.getpid())
    local.down(stack_folder)


@pytest.fixture(scope="session")
def system(stack: Endpoints, stack_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SystemRun:
    """What one run of the whole system through the command line said, showed and left behind."""
    return system_rig.run(stack, tmp_path_factory.mktemp("system"), stack_folder)
