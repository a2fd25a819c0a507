"""What every run of the tests says first, and which tests go to which of two processes."""

import pytest

from tests.integration import containers

PAIR = "the pair of servers"


def pytest_report_header() -> str:
    """Say in one line what the real tests run on, and why."""
    return f"real tests run on: {containers.chosen().why}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep all tests of the run's one broker and database in one process; every other file may go elsewhere."""
    item.add_marker(pytest.mark.xdist_group(PAIR if uses_pair(item) else item.path.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of the pair begin first: they take longest."""
    items.sort(key=lambda item: not uses_pair(item))


def uses_pair(item: pytest.Item) -> bool:
    """Tell whether a test uses the run's one broker and database."""
    return "stack" in getattr(item, "fixturenames", ())
