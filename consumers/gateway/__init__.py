"""The one door to persons' data: nothing is shown that the audit trail does not hold first."""
