"""What every run of the tests says first, and which tests go to which of two processes."""

import pytest

from tests.integration import containers

PAIR = "the pair of servers"


def pytest_report_header() -> str:
    """Say in one line what the real tests run on, and why."""
    return f"real tests run on: {containers.chosen().why}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests of the run's one broker and database in one process, first; every other file may go elsewhere."""
    for item in items:
        shared = "stack" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group(PAIR if shared else item.path.name))
    items.sort(key=lambda item: "stack" not in getattr(item, "fixturenames", ()))
