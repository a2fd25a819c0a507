"""What every run of the tests says first, and which tests share the run's one broker and database."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.integration import containers


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


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the pair of servers, and those that harm workers: `make test` runs them beside all others."""
    if "stack" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.pair)
    if {"fault", "faults", "crash"} & set(item.path.stem.split("_")):
        item.add_marker(pytest.mark.faults)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and in one process all files that look at the one run of the whole system."""
    system = {item.path for item in items if "system" in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("system" if item.path in system else item.path.stem))
