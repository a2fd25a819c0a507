"""A date that passed is counted as a breach where an office owed a step: once, whatever is told again."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY

from schemas import catalogue, codec
from stream_processors.agents import deadlines
from stream_processors.registry.deadlines import is_breach
from tests.unit.registry_scenarios import OBJECTION, registered, say
from tests.unit.test_families_fold import Log


def breaches(kind: str) -> float:
    return REGISTRY.get_sample_value("jejak_deadlines_breached_total", {"kind": kind}) or 0.0


def told(log: Log) -> Any:
    """Return the change of the last date that the fold scheduled, as the agent tells it when it came."""
    last = codec.decode(log.of(catalogue.DEADLINES_TOPIC)[-1].value)
    return deadlines.reached(last.family_id, last.kind, last.subject_id, last.due_at)


def forwarded() -> Log:
    log = Log()
    filed = say("ObjectionFiled", change_id=OBJECTION)
    for change in (registered(), filed, say("ObjectionReceived"), say("ObjectionForwarded")):
        log.put(change)
    return log


def test_an_objection_that_nobody_verified_in_time_is_a_breach_counted_once_though_told_again() -> None:
    log, before = forwarded(), breaches("OBJECTION_EXPIRY")
    came = told(log)
    log.put(came, came.due_at + 1)
    log.put(came, came.due_at + 2)
    assert breaches("OBJECTION_EXPIRY") == before + 1
    assert log.fold.known == 1


def test_a_date_of_an_objection_decided_meanwhile_is_no_breach() -> None:
    log, before = forwarded(), breaches("OBJECTION_EXPIRY")
    came = told(log)
    log.put(say("ObjectionDecided", outcome="DITOLAK"))
    log.put(came, came.due_at + 1)
    assert breaches("OBJECTION_EXPIRY") == before


def test_that_an_exclusion_or_a_grace_ends_is_nobodys_delay() -> None:
    kinds = ("PROPOSAL_CUT_OFF.BARU", "OBJECTION_EXPIRY.GANDA", "EXCLUSION_EXPIRY.PENSIUNAN/PKH", "PBI_GRACE.00")
    assert [is_breach(kind) for kind in kinds] == [True, True, False, False]
