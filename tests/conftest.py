"""What every run of the tests says first, and which tests share the run's one broker and database."""

import gc
import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.integration import containers

ONE_RUN = "system: SystemRun"  # how a test asks for the fixture

# How long an example takes says how busy the machine is. `make test` shares it with servers, `make unit` draws more.
EXAMPLES = int(os.environ.get("JEJAK_EXAMPLES", "40"))
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=EXAMPLES)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _logs_end_with_the_test() -> Iterator[None]:
    """Undo what a command line set: its stream is closed with its test, and others' log lines would fail on it."""
    handlers = logging.getLogger().handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


def pytest_report_header() -> str:
    """Say in one line what the real tests run on, and why."""
    return f"real tests run on: {containers.chosen().why}"


def pytest_collection_finish() -> None:
    """Leave what was collected out of later looks for garbage: ten thousand tests are looked through in vain."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the pair of servers, and those that harm workers: `make test` runs them beside all others."""
    if "stack" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.pair)
    if {"fault", "faults", "crash"} & set(item.path.stem.split("_")):
        item.add_marker(pytest.mark.faults)


class Together(LoadFileScheduling):  # type: ignore[misc]  # the library says no types
    """Keeps a file's tests in one process, and in one all files that look at the one run of the whole system."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "system" if ONE_RUN in (self.config.rootpath / file).read_text(encoding="utf-8") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Spread the tests so that servers and workers are started once for those that share them."""
    return Together(config, log)
