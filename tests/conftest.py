"""What every run of the tests says first."""

from tests.integration import containers


def pytest_report_header() -> str:
    """Say in one line what the real tests run on, and why."""
    return f"real tests run on: {containers.chosen().why}"
