"""Machine F by its tables: which record takes a request, its usage report and its agreement from where to where.

The rows are `machines/f-*.toml`, each with its source: `4.F` is the domain guide's table (practice of Kab. Bangkalan's
portal; press), `ours` what that leaves open. A pair that isn't listed is refused.
"""

from collections.abc import Iterable
from typing import Final

from stream_processors.registry.machines.table import REQUESTS, Row, machines

_REQUEST: Final = machines(REQUESTS)["PERMINTAAN_BNBA"]
_REPORT: Final = machines(REQUESTS)["LAPORAN_PENGGUNAAN"]
_AGREEMENT: Final = machines(REQUESTS)["PERJANJIAN_AKSES"]
REQUEST: Final = _REQUEST.rows
REPORT: Final = _REPORT.rows
AGREEMENT: Final = _AGREEMENT.rows

ACCEPTED: Final = "DISETUJUI"
REVISE: Final = "REVISE"
MISSING: Final = frozenset(row.state for row in REPORT if row.record == "UsageReportFiled")
IN_FORCE, SUSPENDED = "BERLAKU", "DITANGGUHKAN"
REQUESTER, REGISTRY = "pemohon", "registry"
OF_REPORT: Final = frozenset(row.record for row in REPORT) - {row.record for row in REQUEST}

_STEPS: Final = _REQUEST.steps()
_REPORTS: Final = _REPORT.steps()
_AGREEMENTS: Final = _AGREEMENT.steps()


def step_row(step: str, record: str, outcome: str) -> Row | None:
    """Return the row by which a record leads a request on, None where there is none."""
    return _STEPS.get((step, record, outcome))


def report_row(report: str, record: str, outcome: str) -> Row | None:
    """Return the row by which a record leads a usage report on, None where there is none."""
    return _REPORTS.get((report, record, outcome))


def agreement_row(agreement: str, record: str, outcome: str) -> Row | None:
    """Return the row by which a record leads an agreement on, None where there is none."""
    return _AGREEMENTS.get((agreement, record, outcome))


def next_step(step: str, record: str, outcome: str) -> str | None:
    """Return the step that a request goes to, None where no row says so."""
    row = step_row(step, record, outcome)
    return None if row is None else row.to


def next_report(report: str, record: str, outcome: str) -> str | None:
    """Return the standing that a usage report goes to, None where no row says so."""
    row = report_row(report, record, outcome)
    return None if row is None else row.to


def _office(rows: Iterable[Row]) -> str | None:
    """Return who says the record of these rows; what the registry alone says isn't anybody else's."""
    actors = {actor for row in rows for actor in row.actors}
    return next(iter(sorted(actors - {REGISTRY} or actors)), None)


def office_of(record: str, state: str = "") -> str | None:
    """Return the kind of agency that says this record there, `pemohon` for who asked, None where nobody does."""
    rows = [row for row in (*REQUEST, *REPORT, *AGREEMENT) if row.record == record]
    return _office([row for row in rows if row.state == state] if state else rows)


REASONS: Final = frozenset(
    row.outcome for row in AGREEMENT if row.record == "AccessSuspended" and REGISTRY not in row.actors
)
