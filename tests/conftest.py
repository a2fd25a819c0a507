"""What every run of the tests says first, and which tests share the run's one broker and database."""

import pytest

from tests.integration import containers


def pytest_report_header() -> str:
    """Say in one line what the real tests run on, and why."""
    return f"real tests run on: {containers.chosen().why}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the pair of servers: `make test` runs them beside all others."""
    if "stack" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.pair)
