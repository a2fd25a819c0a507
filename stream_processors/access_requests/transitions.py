"""Machine F as data: which record takes a request, and its usage report, from where to where. An allow-list.

Every row names its source: `4.F` is the domain guide's table (practice of Kab. Bangkalan's portal; press), `ours` what
that leaves open. A pair that isn't listed is refused.
"""

from typing import Final, NamedTuple

DRAFT, VERIFIKATOR, EWALI, DTSEN = "DRAFT", "VERIFIKATOR_REVIEW", "EWALI_REVIEW", "DTSEN_REVIEW"
GRANTED, DONE, REJECTED = "DISETUJUI", "SELESAI", "DITOLAK"
NOT_SENT, OVERDUE, TO_REVISE = "BELUM_DIKIRIM", "MENUNGGAK", "PERLU_REVISI"
AT_BAPPERIDA, AT_DINSOS, ACCEPTED = "REVIEW_BAPPERIDA", "REVIEW_DINSOS", "DISETUJUI"
MISSING: Final = frozenset({NOT_SENT, OVERDUE, TO_REVISE})

FORWARD, RETURN, BACK, REJECT = "FORWARD", "RETURN", "BACK", "REJECT"
ACCEPT, REVISE = "ACCEPT", "REVISE"


class Row(NamedTuple):
    """One arrow: the record, with its outcome where it has one, that leads from a state to a state, and why we know."""

    state: str
    record: str
    outcome: str
    to: str
    source: str


REQUEST: Final = (
    Row("", "AccessRequestDrafted", "", DRAFT, "4.F"),
    Row(DRAFT, "AccessRequestDrafted", "", DRAFT, "ours: a returned draft is said again, papers and all"),
    Row(DRAFT, "AccessRequestSubmitted", "", VERIFIKATOR, "4.F"),
    Row(VERIFIKATOR, "AccessRequestReviewed", FORWARD, EWALI, "4.F"),
    Row(VERIFIKATOR, "AccessRequestReviewed", RETURN, DRAFT, "4.F"),
    Row(VERIFIKATOR, "AccessRequestReviewed", REJECT, REJECTED, "4.F"),
    Row(EWALI, "AccessRequestReviewed", FORWARD, DTSEN, "4.F"),
    Row(EWALI, "AccessRequestReviewed", BACK, VERIFIKATOR, "4.F"),
    Row(DTSEN, "AccessGranted", "", GRANTED, "4.F"),
    Row(DTSEN, "AccessRequestReviewed", BACK, EWALI, "4.F"),
    Row(GRANTED, "DataHandedOver", "", DONE, "4.F"),
)
REPORT: Final = (
    Row("", "DataHandedOver", "", NOT_SENT, "4.F"),
    Row(NOT_SENT, "UsageReportReminded", "", NOT_SENT, "4.F: before the due date"),
    Row(NOT_SENT, "UsageReportReminded", "LATE", OVERDUE, "4.F; that H+1 is the moment is ours"),
    Row(OVERDUE, "UsageReportReminded", "LATE", OVERDUE, "4.F"),
    Row(TO_REVISE, "UsageReportReminded", "", TO_REVISE, "ours: a report to revise is still owed"),
    Row(TO_REVISE, "UsageReportReminded", "LATE", TO_REVISE, "ours: idem"),
    Row(NOT_SENT, "UsageReportFiled", "", AT_BAPPERIDA, "4.F"),
    Row(OVERDUE, "UsageReportFiled", "", AT_BAPPERIDA, "4.F"),
    Row(TO_REVISE, "UsageReportFiled", "", AT_BAPPERIDA, "4.F"),
    Row(AT_BAPPERIDA, "UsageReportReviewed", ACCEPT, AT_DINSOS, "4.F"),
    Row(AT_BAPPERIDA, "UsageReportReviewed", REVISE, TO_REVISE, "4.F"),
    Row(AT_DINSOS, "UsageReportReviewed", ACCEPT, ACCEPTED, "4.F"),
    Row(AT_DINSOS, "UsageReportReviewed", REVISE, TO_REVISE, "4.F"),
)
_REQUEST: Final = {(row.state, row.record, row.outcome): row.to for row in REQUEST}
_REPORT: Final = {(row.state, row.record, row.outcome): row.to for row in REPORT}
OF_REPORT: Final = frozenset(row.record for row in REPORT) - {row.record for row in REQUEST}


def next_step(step: str, record: str, outcome: str) -> str | None:
    """Return the step that a request goes to, None where no row says so."""
    return _REQUEST.get((step, record, outcome))


def next_report(report: str, record: str, outcome: str) -> str | None:
    """Return the standing that a usage report goes to, None where no row says so."""
    return _REPORT.get((report, record, outcome))
